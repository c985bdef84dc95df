import { setImmediate as turn } from 'node:timers/promises';
import { compareIds } from '../../support/fake-redis/entry-ids.js';
import type { StreamWorld, Sight } from '../../support/stream-world.js';
import { HandClock } from './hand-clock.js';
import { Ledger, Violation } from './ledger.js';
import type { Link } from './link.js';
import { ACK_WAIT_MS, ModelProcess, type BrokerWrap, type Settings } from './model-process.js';
import { Random } from './random.js';
import { Reach } from './reach.js';
import { STEPS, weightsOf, type StepName } from './steps.js';
import { checkTransition } from './transition-rules.js';

/** Rounds in which everything must come to an end once nothing goes wrong any more. */
const ROUNDS = 40;
/** Commands that a process sends one after the other before it must have found rest. */
const MOST_LAPS = 2_000;
/** Lines of the story that a failure tells. */
const TOLD = Number(process.env.MODEL_TOLD ?? 60);

export interface ScheduleOptions {
  /** Put between every process and its broker. */
  readonly wrap?: BrokerWrap | undefined;
  /** Where it is counted what the schedule comes to. */
  readonly reach?: Reach;
}

/** One random schedule: several processes on one world, and everything that can go wrong between them. */
export class Schedule {
  readonly random: Random;
  readonly ledger: Ledger;
  processes: ModelProcess[] = [];
  sight!: Sight;
  stepsMade = 0;
  private readonly story: string[] = [];
  private names = 0;
  private readonly settings: Settings;
  private readonly wrap: BrokerWrap;
  private readonly reach: Reach;
  private clock: HandClock | undefined;

  constructor(
    readonly world: StreamWorld,
    seed: number,
    { wrap = (broker) => broker, reach = new Reach() }: ScheduleOptions = {},
  ) {
    this.wrap = wrap;
    this.reach = reach;
    this.random = new Random(seed);
    this.settings = {
      maxRetries: this.random.below(3),
      slots: 1 + this.random.below(3),
      resetOnErrorChange: this.random.chance(0.3),
    };
    this.ledger = new Ledger(this.settings.maxRetries);
    this.tell(JSON.stringify(this.settings));
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
    const process = new ModelProcess(`p${this.names}`, this.world, this.settings, this.wrap, this.ledger);
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
    await turn();
    await turn();
    this.processes = this.processes.filter(({ isGone }) => !isGone);
  }

  private async comeToRest(): Promise<void> {
    this.tell('--- nothing goes wrong any more');
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
        void process.delivery.consumer.keepFresh(0);
        void process.delivery.consumer.handBack(0);
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
            moved = true;
          }
        }
        for (const handler of process.running.filter(({ isLate }) => !isLate)) {
          process.running = process.running.filter((other) => other !== handler);
          handler.succeed();
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
    for (const { name, slots, delivery } of this.processes) {
      const kept = [...this.ledger.accounts.keys()].find((id) => delivery.consumer.holds(id));
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
