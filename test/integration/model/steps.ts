import { PassingError } from './application.js';
import {
  DependencyUnavailableError,
  NonRetryableError,
  RedisUnavailableError,
  RetryLaterError,
} from './delivery-adapter.js';
import { fieldsOf, replayedParts } from './dead-letter-rules.js';
import { Violation } from './ledger.js';
import type { ModelProcess, RunningHandler } from './model-process.js';
import { ACK_WAIT_MS, BACKOFF_MS } from './settings.js';
import type { Random } from './random.js';
import type { Schedule } from './schedule.js';

const MOST_PROCESSES = 4;
/** Longer than a recovery waits for room, shorter than a backoff. */
const MOMENT_MS = 300;

/** How often each step is taken, beside the others. */
const WORK = {
  emit: 8,
  advance: 40,
  carryOut: 10,
  answer: 10,
  read: 14,
  succeed: 6,
  commit: 6,
  recover: 8,
  passMoment: 5,
  passBackoff: 4,
  heartbeat: 3,
  start: 5,
  wake: 3,
};
/** Each schedule has its own share of these, so that rare things meet in some. */
const TROUBLE = {
  fail: 8,
  commitBadly: 2,
  failOtherwise: 2,
  failForGood: 2,
  retryLater: 1,
  missDependency: 2,
  failInPassing: 1,
  missRedis: 0.5,
  expire: 0.7,
  handBack: 2,
  passAckWait: 4,
  loseLink: 2,
  loseReadLink: 1,
  crash: 2.5,
  freeze: 2,
  shutDown: 0.8,
  endGrace: 0.4,
  trim: 1,
  replay: 2,
  discard: 0.7,
  deleteEntry: 0.8,
  loseWaitingList: 0.8,
  destroyGroup: 0.3,
};
const SHARES = [0, 0.3, 1, 3];

export type StepName = keyof typeof WORK | keyof typeof TROUBLE;

/** How often each step is taken in one schedule. */
export function weightsOf(random: Random): Readonly<Record<StepName, number>> {
  const trouble = Object.entries(TROUBLE).map(([name, weight]) => [
    name,
    weight * (random.pick(SHARES) ?? 0),
  ]);
  return { ...WORK, ...(Object.fromEntries(trouble) as typeof TROUBLE) };
}

/** What can happen. A step that finds nothing to happen to does nothing. */
export const STEPS: Readonly<Record<StepName, (on: Schedule) => Promise<void> | void>> = {
  async emit(on) {
    const isValid = !on.random.chance(0.08);
    const order = isValid ? String(on.random.below(on.ledger.settings.orders)) : undefined;
    const data = isValid ? Buffer.from(`{"orderId":"${order}"}`) : Buffer.from('fffe41', 'hex');
    const more = on.random.chance(0.5) ? ['retry', '0', 'tenant', 'a'] : [];
    // Fields that a replay writes, which anybody can write: they count where it is noted that one did.
    const group = on.random.chance(0.1) ? 'another-group' : undefined;
    const isReplay = group !== undefined && on.random.chance(0.5);
    const ofReplay = group === undefined ? [] : ['dlt-replays', '1', 'replay-group', group];
    const parts = ['data', data, ...more, ...ofReplay].map((part) => Buffer.from(part));
    const id = await on.world.add(parts);
    if (isReplay) await on.world.noteReplayed(id);
    on.ledger.emitted(id, { parts, isValid, order, isReplay });
    await on.see();
    const how = `${isValid ? ` of order ${order}` : ' (malformed)'}${isReplay ? ' for another group' : ''}`;
    on.tell(`emit ${id}${how}`);
  },

  async advance(on) {
    const process = on.random.pick(on.awake);
    for (let i = on.random.below(12); process && i > 0; i -= 1) {
      await on.carryOut(process, process.commands);
      process.commands.answer();
      await on.settle();
    }
  },
  async carryOut(on) {
    const process = on.random.pick(on.awake.filter(({ commands }) => commands.next));
    if (process) await on.carryOut(process, process.commands);
  },
  answer: (on) => on.random.pick(on.awake.filter(({ commands }) => commands.hasAnswer))?.commands.answer(),
  async read(on) {
    const process = on.random.pick(on.awake);
    if (!process) return;
    await on.carryOut(process, process.reads);
    if (on.random.chance(0.7)) process.reads.answer();
  },

  succeed: (on) => ended(on, 'handled', (handler) => handler.succeed()),
  commit: (on) => ended(on, 'commits', (handler) => handler.commit(true)),
  commitBadly: (on) => ended(on, 'commits what cannot be written', (handler) => handler.commit(false)),
  fail: (on) => ended(on, 'failed', (handler) => handler.fail(new TypeError('boom'))),
  failOtherwise: (on) => ended(on, 'failed otherwise', (handler) => handler.fail(new RangeError('oops'))),
  failForGood: (on) => ended(on, 'failed for good', (handler) => handler.fail(new NonRetryableError('no'))),
  retryLater: (on) => ended(on, 'wants to wait', (handler) => handler.fail(new RetryLaterError(50_000))),
  missDependency: (on) =>
    ended(on, 'misses a dependency at', (handler) => handler.fail(new DependencyUnavailableError('away'))),
  failInPassing: (on) =>
    ended(on, 'failed in passing', (handler) => handler.fail(new PassingError('in passing'))),
  missRedis: (on) =>
    ended(on, 'misses Redis at', (handler) => handler.fail(new RedisUnavailableError('away', false))),
  expire: (on) => withAwake(on, 'its handlers are out of time', (process) => process.expire()),
  heartbeat: (on) => withAwake(on, 'heartbeat', ({ delivery }) => delivery.heartbeat()),
  handBack: (on) => withAwake(on, 'hands back', ({ delivery }) => delivery.handBack()),
  recover: (on) => withAwake(on, 'recovers', (process) => process.recover()),
  trim: (on) => withAwake(on, 'trims', (process) => process.trim()),

  passMoment: (on) => passTime(on, MOMENT_MS),
  passBackoff: (on) => passTime(on, BACKOFF_MS),
  passAckWait: (on) => passTime(on, ACK_WAIT_MS),

  loseLink: (on) =>
    withAwake(on, 'loses its link and sends again', ({ commands }) => commands.breakAndResend()),
  loseReadLink: (on) => withAwake(on, 'loses the link it reads on', ({ reads }) => reads.breakAndRefuse()),
  async crash(on) {
    const process = on.random.pick(on.processes);
    if (!process) return;
    on.tell(`${process.name} crashes; what it sent last may still be carried out`);
    while (on.random.chance(0.5) && (await on.carryOut(process, process.commands)));
    process.vanish();
  },
  freeze: (on) => withAwake(on, 'freezes', (process) => (process.isFrozen = true)),
  wake(on) {
    const process = on.random.pick(on.processes.filter(({ isFrozen }) => isFrozen));
    if (!process) return;
    process.isFrozen = false;
    on.tell(`${process.name} wakes`);
  },
  start: (on) => {
    if (on.processes.length < MOST_PROCESSES) on.startProcess();
  },
  shutDown: (on) => withAwake(on, 'shuts down', (process) => process.shutDown()),

  endGrace(on) {
    const process = on.random.pick(on.awake.filter(({ isClosing }) => isClosing));
    if (!process) return;
    on.tell(`${process.name} has no time left`);
    process.endGrace();
  },

  async replay(on) {
    const letter = on.random.pick(on.sight.letters);
    if (!letter) return;
    const { outcome, entryId, parts = [] } = await on.world.replay(letter.id);
    const original = on.ledger.of(fieldsOf(letter.parts).get('dlt-original-id') ?? '');
    on.tell(`${letter.id} of ${original.id} is replayed as ${entryId}`);
    const expected = replayedParts(original, letter.id, on.sight.lastDelivered !== undefined);
    const isSame = Buffer.concat(parts).equals(Buffer.concat(expected)) && parts.length === expected.length;
    if (outcome !== 'done' || entryId === undefined || !isSame) {
      throw new Violation(
        `the replay of ${letter.id}, ${outcome}, brought back ${parts.map(String).join(' ')}`,
      );
    }
    on.ledger.emitted(entryId, { ...original, parts, isReplay: true });
    on.reach.count('replayed');
    await on.see();
  },
  async discard(on) {
    const letter = on.random.pick(on.sight.letters);
    if (!letter) return;
    await on.world.discard(letter.id);
    await on.see();
    on.tell(`${letter.id} is discarded`);
    on.reach.count('discarded');
  },
  async deleteEntry(on) {
    const id = on.random.pick([...on.sight.entries]);
    const account = id === undefined ? undefined : on.ledger.of(id);
    if (!account) return;
    await on.world.delete(account.id);
    account.isDeleted = true;
    await on.see();
    on.tell(`${account.id} is deleted`);
  },
  async loseWaitingList(on) {
    await on.world.loseWaitingList();
    await on.see();
    on.tell('the waiting list is lost');
  },
  async destroyGroup(on) {
    await on.world.destroyGroup();
    await on.see();
    on.tell('the group is lost');
  },
};

function withAwake(on: Schedule, what: string, act: (process: ModelProcess) => void): void {
  const process = on.random.pick(on.awake);
  if (!process) return;
  on.tell(`${process.name} ${what}`);
  act(process);
}

function ended(on: Schedule, how: string, end: (handler: RunningHandler) => void): void {
  const process = on.random.pick(on.awake.filter(({ running }) => running.length > 0));
  const handler = on.random.pick(process?.running ?? []);
  if (!process || !handler) return;
  process.running = process.running.filter((other) => other !== handler);
  on.tell(`${process.name} ${how} ${handler.id} at delivery ${handler.count}`);
  end(handler);
}

async function passTime(on: Schedule, ms: number): Promise<void> {
  await on.passTime(ms);
  on.tell(`${ms} ms pass`);
}
