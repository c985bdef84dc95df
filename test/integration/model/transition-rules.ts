import type {
  Settlement,
  CommitBatch,
  DeadLettering,
  DeadLetterRequest,
  EntryRef,
  KeptPutOffs,
} from '../../support/broker-port.js';
import { compareIds } from '../../support/fake-redis/entry-ids.js';
import type { SeenRow, Sight } from '../../support/stream-world.js';
import { checkEffects, checkHookWrites, isEndedOrder } from './application-rules.js';
import { checkLetter } from './dead-letter-rules.js';
import { Violation, type Ledger } from './ledger.js';
import type { Command } from './link.js';

const PARKING = '@retry';

/** One command that Redis carried out for a process, and what it saw before and after. */
export interface Transition {
  readonly consumer: string;
  readonly command: Command;
  readonly before: Sight;
  readonly after: Sight;
}

export interface Change {
  readonly id: string;
  readonly was: SeenRow | undefined;
  readonly is: SeenRow | undefined;
}

type Rule = (change: Change, transition: Transition, ledger: Ledger) => boolean;

/** What a command may do to a row of the pending entries list; a command that is not named may do nothing. */
const RULES: Readonly<Record<string, Rule>> = {
  readNew: ({ id, was, is }, { consumer, before }) =>
    !was && is?.owner === consumer && is.count === 1 && compareIds(id, before.lastDelivered ?? '') > 0,

  acknowledge: ({ id, is }, { consumer, command }, ledger) =>
    !is && (command.args[1] as string[]).includes(id) && mayAcknowledge(ledger, consumer, id),

  commit(change, { consumer, command }, ledger) {
    const { commits, owner = consumer } = command.args[1] as CommitBatch;
    const { started } = ledger.of(change.id);
    // A run that ended after its entry was given to another one commits in that one's name, never in that of the waiting.
    const isItsOwn = started.has(`${consumer}/${change.was?.count ?? 0}`);
    // Its own consumer can be the other one: in a group that began again.
    const isLate = owner !== PARKING && isAmong(started, consumer);
    return !change.is && commits.some(({ entry }) => isFenced(change, entry, owner)) && (isItsOwn || isLate);
  },

  /**
   * A run that ended well when its entry may have been given to another one, which is reported afterwards; or what the
   * arbiter wants to be acknowledged.
   */
  settle(change, { consumer, command }, ledger) {
    const [, entry, owner] = command.args as [string, EntryRef, string];
    const isEnd = !change.is && owner !== PARKING && isFenced(change, entry, owner);
    const { started, verdicts, order = '' } = ledger.of(change.id);
    if (isEnd && verdicts.get(consumer) === 'acknowledge') return true;
    // What the table says is a duplicate ends as such, wherever its handler ran.
    return isEnd && (ledger.settings.hasKeyTable ? ledger.doneOrders.has(order) : isAmong(started, consumer));
  },

  park(change, transition, ledger) {
    const { consumer, command, before, after } = transition;
    const { was, is, id } = change;
    const entry = command.args[1] as EntryRef;
    const isParked = is?.owner === PARKING && is.count === was?.count && after.waiting.has(id);
    const isDuplicate = !is && isEndedOrder(id, before, ledger);
    const hasFailed = ledger.of(id).failed.has(`${consumer}/${entry.deliveryCount}`);
    return isFenced(change, entry, consumer) && hasFailed && (isParked || isDuplicate);
  },

  deadLetter(change, { consumer, command, after }, ledger) {
    const { entry, owner, leastIdleMs } = command.args[1] as DeadLetterRequest;
    const wasIdle = (change.was?.idleMs ?? 0) + IDLE_TOLERANCE_MS >= leastIdleMs;
    const isEnded = isFenced(change, entry, owner) && wasIdle && !change.is && !after.waiting.has(change.id);
    const verdict = ledger.of(change.id).verdicts.get(consumer);
    return isEnded && (!ledger.settings.hasArbiter || verdict === 'dead-letter');
  },

  release(change, { consumer, command, after }, ledger) {
    const { id, was, is } = change;
    const entry = (command.args[1] as EntryRef[]).find((ref) => isFenced(change, ref, consumer));
    const { started, superseded, lives } = ledger.of(id);
    // A group that begins anew begins to count anew, and so may give out a count once more.
    const delivery = `${consumer}/${was?.count ?? 0}`;
    const wasStarted = lives === 1 && started.has(delivery) && !superseded.has(delivery);
    const isHandedBack = is?.owner === PARKING && is.count === (was?.count ?? 0) - 1;
    return entry !== undefined && isHandedBack && after.waiting.has(id) && !wasStarted;
  },

  /** Its handler has started, and met trouble that is not its own. */
  putOff(change, { consumer, command, after }, ledger) {
    const { id, was, is } = change;
    const isHandedBack = is?.owner === PARKING && is.count === (was?.count ?? 0) - 1;
    const isStarted = isAmong(ledger.of(id).started, consumer);
    const isOurs = isFenced(change, command.args[1] as EntryRef, consumer);
    const isCounted = (command.args[3] as KeptPutOffs).times === ledger.of(id).putOffs + 1;
    return isOurs && isStarted && isCounted && isHandedBack && after.waiting.has(id);
  },

  claimDue: ({ id, was, is }, { consumer, before, after }) =>
    was?.owner === PARKING &&
    (before.waiting.get(id) ?? Infinity) <= after.now &&
    isClaimed(was, is, consumer, before.entries.has(id)),

  claimAbandoned(change, { consumer, command, before }) {
    const { id, was, is } = change;
    const [, owner, leastIdleMs, entries] = command.args as [string, string, number, EntryRef[]];
    return (
      entries.some((ref) => isFenced(change, ref, owner)) &&
      (was?.idleMs ?? 0) + IDLE_TOLERANCE_MS >= leastIdleMs &&
      isClaimed(was, is, consumer, before.entries.has(id))
    );
  },
};

/** A real clock goes on between two looks. */
const IDLE_TOLERANCE_MS = 1_000;

/** @throws Violation when the command did what it must not do */
export function checkTransition(transition: Transition, ledger: Ledger): void {
  const { command, before, after } = transition;
  const rule = RULES[command.name];
  for (const change of changesBetween(before, after)) {
    if (rule?.(change, transition, ledger) !== true) {
      throw new Violation(
        `${command.name} made ${change.id} go from ${said(change.was)} to ${said(change.is)}`,
      );
    }
    settle(change, transition, ledger);
  }
  checkRefreshed(transition);
  checkEffects(transition, ledger);
  checkHookWrites(transition, ledger);
  checkAnswers(transition, ledger);
  checkLetter(transition, ledger);
  if (command.name === 'ensureGroup' && before.lastDelivered === undefined) {
    ledger.restarted(after.lastDelivered ?? '', after.entries);
  }
  if (command.name === 'keepFloor') checkFloor(after);
}

/** Commands that end entries well. */
const HANDLES = new Set(['acknowledge', 'commit', 'settle', 'park']);

/** Books what a change stands for. */
function settle({ id, was, is }: Change, transition: Transition, ledger: Ledger): void {
  const { consumer, command, before } = transition;
  const count = was?.count ?? 0;
  const account = ledger.of(id);
  if (command.name === 'putOff') account.putOffs += 1;
  // A key that was taken from a delivery puts it off by a release.
  if (['putOff', 'release'].includes(command.name)) ledger.putOff(consumer, id, count);
  if (is) return;
  const by = `${command.name} of ${consumer} at delivery ${count}`;
  if (HANDLES.has(command.name)) ledger.ended(id, 'handled', by);
  else if (command.name !== 'deadLetter') ledger.ended(id, 'vanished', by);
  else {
    const { settlement } = (command.outcome as { value: DeadLettering }).value;
    // A dead letter is made once for an entry, also when its group begins again before it.
    if (settlement === 'duplicate' && account.letters > 0) ledger.ended(id, 'dead-lettered', by);
    else if (settlement === 'duplicate' && isEndedOrder(id, before, ledger)) ledger.ended(id, 'handled', by);
    else if (settlement !== 'done' || account.letters > 0) {
      throw new Violation(`${id} is not pending any more, but its dead-lettering is not done`);
    }
  }
}

/** What succeeded, or was passed over: as a duplicate once its order is done, or for another group. */
function mayAcknowledge(ledger: Ledger, consumer: string, id: string): boolean {
  const { settings, doneOrders } = ledger;
  const { succeeded, passedOver, order = '', isReplay, parts } = ledger.of(id);
  const isForAnother = isReplay && parts.some((part) => part.toString() === 'another-group');
  const isDone = doneOrders.has(order);
  if (isAmong(succeeded, consumer)) return isDone || !settings.hasKeyTable;
  const isDuplicate = isDone && (settings.isOncePerKey || settings.hasKeyTable);
  return isAmong(passedOver, consumer) && (isForAnother || isDuplicate);
}

/** Whether one of the deliveries was this consumer's. */
export function isAmong(deliveries: ReadonlySet<string>, consumer: string): boolean {
  return [...deliveries].some((delivery) => delivery.startsWith(`${consumer}/`));
}

function changesBetween(before: Sight, after: Sight): Change[] {
  const ids = new Set([...before.pending.keys(), ...after.pending.keys()]);
  return [...ids]
    .map((id) => ({ id, was: before.pending.get(id), is: after.pending.get(id) }))
    .filter(({ was, is }) => was?.owner !== is?.owner || was?.count !== is?.count);
}

function isFenced({ id, was }: Change, entry: EntryRef, owner: string): boolean {
  return id === entry.id && was?.owner === owner && was.count === entry.deliveryCount;
}

/** A claim counts the delivery; a deleted entry is taken off instead. */
function isClaimed(was: SeenRow | undefined, is: SeenRow | undefined, by: string, exists: boolean): boolean {
  if (!is) return !exists;
  return exists && is.owner === by && is.count === (was?.count ?? 0) + 1;
}

/** A consumer's call that is sent again is answered as it was carried out the first time. */
function checkAnswers({ consumer, command, after }: Transition, ledger: Ledger): void {
  if (command.name !== 'commit' || !command.outcome || 'error' in command.outcome) return;
  const { lane, sequence, commits } = command.args[1] as CommitBatch;
  const answers = command.outcome.value as Settlement[];
  for (const [i, { entry }] of commits.entries()) {
    const { committed } = ledger.of(entry.id);
    const call = `${consumer}/${lane}/${sequence}`;
    if (answers[i] === 'done' || answers[i] === 'duplicate') {
      if (!committed.has(call) && after.pending.has(entry.id)) {
        throw new Violation(`${entry.id} is pending although the answer to its commit is "${answers[i]}"`);
      }
      committed.add(call);
    } else if (committed.has(call)) {
      throw new Violation(`${entry.id} was committed by ${call}, although its answer says otherwise`);
    }
  }
}

/** A heartbeat is for one's own entries alone. */
function checkRefreshed({ consumer, command, before, after }: Transition): void {
  if (command.name !== 'extend') return;
  for (const [id, was] of before.pending) {
    const isFresher = (after.pending.get(id)?.idleMs ?? Infinity) < was.idleMs;
    if (isFresher && was.owner !== consumer) throw new Violation(`a heartbeat kept another's ${id} fresh`);
  }
}

function checkFloor({ floor = '0-0', pending, lastDelivered }: Sight): void {
  const open = [...pending.keys()].find((id) => compareIds(id, floor) <= 0);
  if (open) throw new Violation(`the floor ${floor} is not below ${open}, which is pending`);
  if (lastDelivered !== undefined && compareIds(floor, lastDelivered) > 0) {
    throw new Violation(`the floor ${floor} is above what was delivered, ${lastDelivered}`);
  }
}

function said(row: SeenRow | undefined): string {
  return row ? `${row.owner}/${row.count} (idle ${row.idleMs} ms)` : 'not pending';
}
