import { setImmediate as turn } from 'node:timers/promises';
import { compareIds } from '../../support/fake-redis/entry-ids.js';
import type { StreamWorld, Sight } from '../../support/stream-world.js';
import { HandClock } from './hand-clock.js';
import { Application } from './application.js';
import { KeyTable } from './key-table.js';
import { Ledger, Violation } from './ledger.js';
import type { Link } from './link.js';
import { ModelProcess, type BrokerWrap, type HandlerLog, type Shared } from './model-process.js';
import { Random } from './random.js';
import { Reach } from './reach.js';
import { ACK_WAIT_MS, settingsOf } from './settings.js';
import { STEPS, weightsOf, type StepName } from './steps.js';
import { checkTransition } from './transition-rules.js';

/** Rounds in which everything must come to an end once nothing goes wrong any more. */
const ROUNDS = 40;
/** Turns of the event loop in which a process does whatever it can do without an answer. */
const TURNS = 6;
/** Commands that a process sends one after the other before it must have found rest. */
const MOST_LAPS = 2_000;
/** Lines of the story that a failure tells. */
const TOLD = Number(process.env.MODEL_TOLD ?? 60);

export interface ScheduleOptions {
  /** Put between every process and its broker. */
  readonly wrap?: BrokerWrap | undefined;
  /** Where it is counted what the schedule comes to. */
  readonly reach?: Reach;
  /** Given every event that a process emits. */
  readonly onEvent?: HandlerLog['observed'];
  /** Whether builds are compared: then the order of what is sent at once is none of the schedule's. */
  readonly isArranged?: boolean;
}

/** One random schedule: several processes on one world, and everything that can go wrong between them. */
export class Schedule {
  readonly random: Random;
  readonly ledger: Ledger;
  processes: ModelProcess[] = [];
  sight!: Sight;
  stepsMade = 0;
  readonly story: string[] = [];
  private names = 0;
  private readonly shared: Shared;
  private readonly application: Application;
  readonly reach: Reach;
  private readonly isArranged: boolean;
  private clock: HandClock | undefined;

  constructor(
    readonly world: StreamWorld,
    seed: number,
    options: ScheduleOptions = {},
  ) {
    const { wrap = (broker) => broker, reach = new Reach(), onEvent = () => undefined } = options;
    this.isArranged = options.isArranged === true;
    this.reach = reach;
    this.random = new Random(seed);
    const settings = settingsOf(this.random);
    this.ledger = new Ledger(settings);
    this.application = new Application(settings, world.stream, this.ledger, reach);
    const log: HandlerLog = {
      started: (...delivery) => this.ledger.started(...delivery),
      endedWell: (...delivery) => this.ledger.endedWell(...delivery),
      observed: (consumer, name, event) => {
        reach.count(`event: ${name}`);
        this.ledger.observed(consumer, name, event);
        onEvent(consumer, name, event);
      },
    };
    const keyTable = new KeyTable(this.ledger);
    this.shared = { world, settings, application: this.application, keyTable, wrap, log };
    this.tell(JSON.stringify(settings));
  }

  /**
   * Makes so many steps, lets everything come to rest, and checks what is left.
   *
   * @throws Error that tells the last steps, the first violation being its cause
   */
  async run(steps: number): Promise<void> {
    // The schedule is the only clock: nothing ages, and no patience ends, but by a step.
    this.clock = new HandClock(this.world.isFake);
    try {
      this.sight = await this.world.look();
      this.startProcess();
      const weights = weightsOf(this.random);
      for (; this.stepsMade < steps; this.stepsMade += 1) await this.step(this.random.weighted(weights));
      await this.comeToRest();
    } catch (error) {
      const told = this.story.slice(-TOLD).join('\n  ');
      throw new Error(`${String(error)}\nafter step ${this.stepsMade} of\n  ${told}`, { cause: error });
    } finally {
      for (const process of this.processes) process.vanish();
      this.clock.stop();
    }
  }

  tell(line: string): void {
    this.story.push(line);
  }

  startProcess(): void {
    this.names += 1;
    const process = new ModelProcess(`p${this.names}`, this.shared);
    this.processes.push(process);
    process.start();
    this.tell(`start ${process.name}`);
  }

  /** The processes that are awake. */
  get awake(): ModelProcess[] {
    return this.processes.filter(({ isFrozen, isGone }) => !isFrozen && !isGone);
  }

  /** Has Redis carry out what a process sent first, and checks what that changed. */
  async carryOut(process: ModelProcess, link: Link): Promise<boolean> {
    const command = link.next;
    if (!command) return false;
    const before = this.sight;
    await link.carryOut(command);
    await this.see();
    this.tell(
      `${process.name}: ${command.name}(${shown(command.args.slice(1))}) → ${shown(command.outcome)}`,
    );
    // What must never be is no answer that a process could do something about.
    if (command.outcome && 'error' in command.outcome && command.outcome.error instanceof Violation) {
      throw command.outcome.error;
    }
    const transition = { consumer: process.name, command, before, after: this.sight };
    this.reach.record(transition);
    checkTransition(transition, this.ledger);
    return true;
  }

  async passTime(ms: number): Promise<void> {
    await this.world.passTime(ms);
    this.clock?.advance(ms);
    await this.see();
  }

  async see(): Promise<void> {
    this.sight = await this.world.look();
  }

  private async step(name: StepName): Promise<void> {
    await STEPS[name](this);
    await this.settle();
    this.ledger.checkNothingLost(this.sight);
  }

  /** Lets every process do what it can do without an answer. */
  async settle(): Promise<void> {
    for (let i = 0; i < TURNS; i += 1) await turn();
    this.processes = this.processes.filter(({ isGone }) => !isGone);
    if (!this.isArranged) return;
    for (const { commands, reads } of this.processes) for (const link of [commands, reads]) link.arrange();
  }

  private async comeToRest(): Promise<void> {
    this.tell('--- nothing goes wrong any more');
    this.application.isCalm = true;
    for (const process of this.processes) process.isFrozen = false;
    if (this.processes.every(({ isClosing }) => isClosing)) this.startProcess();
    for (let round = 0; round < ROUNDS; round += 1) {
      await this.finishWork();
      if (round > 1 && this.isIdle() && this.ledger.isQuiet(this.sight)) {
        this.checkProcesses();
        return;
      }
      await this.passTime(ACK_WAIT_MS);
      for (const process of this.awake) {
        process.delivery.heartbeat();
        process.delivery.handBack();
        process.recover();
      }
      await this.settle();
    }
    const { pending, waiting } = this.sight;
    const open = [...this.ledger.accounts.values()].filter(({ end, isDeleted }) => !end && !isDeleted);
    throw new Violation(
      `does not come to rest: pending ${shown([...pending])}, waiting ${shown([...waiting])}, ` +
        `open ${shown(open.map(({ id }) => id))}, running ${shown(this.processes.map(({ running }) => running.length))}`,
    );
  }

  /** Carries out, answers and finishes until nothing moves; a handler whose time was up never ends. */
  private async finishWork(): Promise<void> {
    let moved = true;
    for (let lap = 0; moved; lap += 1) {
      if (lap > MOST_LAPS) throw new Violation('goes round for ever');
      moved = false;
      for (const process of this.processes) {
        for (const link of [process.commands, process.reads]) {
          const isEmptyRead = link === process.reads && !process.isClosing && !this.hasUnread();
          if (!isEmptyRead && (await this.carryOut(process, link))) moved = true;
          while (link.hasAnswer) {
            link.answer();
            await this.settle();
            moved = true;
          }
        }
        for (const handler of process.running.filter(({ isLate }) => !isLate)) {
          process.running = process.running.filter((other) => other !== handler);
          handler.succeed();
          await this.settle();
          moved = true;
        }
        process.running = process.running.filter(({ isLate }) => !isLate);
      }
      await this.settle();
      this.ledger.checkNothingLost(this.sight);
    }
  }

  private isIdle(): boolean {
    return this.processes.every(({ running, isClosing }) => running.length === 0 && !isClosing);
  }

  private hasUnread(): boolean {
    const { lastDelivered, entries } = this.sight;
    return lastDelivered === undefined || [...entries].some((id) => compareIds(id, lastDelivered) > 0);
  }

  private checkProcesses(): void {
    for (const { name, delivery } of this.processes) {
      const { slots } = delivery;
      const kept = [...this.ledger.accounts.keys()].find((id) => delivery.holds(id));
      if (kept !== undefined) throw new Violation(`${name} still holds ${kept}`);
      if (slots.isReserved || slots.free !== slots.limit) {
        throw new Violation(`${name} has ${slots.free} of ${slots.limit} slots free, and nothing runs`);
      }
    }
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value, (key, part: unknown) =>
    key === 'added' || key === 'bytes' || key === 'fields' || key === 'held' ? '…' : part,
  );
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
