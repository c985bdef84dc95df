import type {
  CommitAnswer,
  CommitBatch,
  DeadLettering,
  DeadLetterRequest,
  EntryRef,
} from '../../../src/transport/broker/settlement.js';
import { compareIds } from '../../support/fake-redis/entry-ids.js';
import type { SeenRow, Sight } from '../../support/stream-world.js';
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

interface Change {
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
    !is && (command.args[1] as string[]).includes(id) && isAmong(ledger.of(id).succeeded, consumer),

  commit(change, { consumer, command }, ledger) {
    const { commits, owner = consumer } = command.args[1] as CommitBatch;
    const { started } = ledger.of(change.id);
    // A run that ended after its entry was given to another one commits in that one's name, never in that of the waiting.
    const isItsOwn = started.has(`${consumer}/${change.was?.count ?? 0}`);
    // Its own consumer can be the other one: in a group that began again.
    const isLate = owner !== PARKING && isAmong(started, consumer);
    return !change.is && commits.some(({ entry }) => isFenced(change, entry, owner)) && (isItsOwn || isLate);
  },

  /** A run that ended well when its entry may have been given to another one; it is reported afterwards. */
  settle(change, { consumer, command }, ledger) {
    const [, entry, owner] = command.args as [string, EntryRef, string];
    const isEnd = !change.is && owner !== PARKING && isFenced(change, entry, owner);
    return isEnd && isAmong(ledger.of(change.id).started, consumer);
  },

  park(change, { consumer, command, after }, ledger) {
    const { was, is, id } = change;
    const entry = command.args[1] as EntryRef;
    return (
      isFenced(change, entry, consumer) &&
      ledger.of(id).failed.has(`${consumer}/${entry.deliveryCount}`) &&
      is?.owner === PARKING &&
      is.count === was?.count &&
      after.waiting.has(id)
    );
  },

  deadLetter(change, { command, after }) {
    const { entry, owner, leastIdleMs } = command.args[1] as DeadLetterRequest;
    const wasIdle = (change.was?.idleMs ?? 0) + IDLE_TOLERANCE_MS >= leastIdleMs;
    return isFenced(change, entry, owner) && wasIdle && !change.is && !after.waiting.has(change.id);
  },

  release(change, { consumer, command, after }, ledger) {
    const { id, was, is } = change;
    const entry = (command.args[1] as EntryRef[]).find((ref) => isFenced(change, ref, consumer));
    const { started, lives } = ledger.of(id);
    // A group that begins anew begins to count anew, and so may give out a count once more.
    const wasStarted = lives === 1 && started.has(`${consumer}/${was?.count ?? 0}`);
    const isHandedBack = is?.owner === PARKING && is.count === (was?.count ?? 0) - 1;
    return entry !== undefined && isHandedBack && after.waiting.has(id) && !wasStarted;
  },

  /** Its handler has started, and met trouble that is not its own. */
  putOff(change, { consumer, command, after }, ledger) {
    const { id, was, is } = change;
    const isHandedBack = is?.owner === PARKING && is.count === (was?.count ?? 0) - 1;
    const isStarted = isAmong(ledger.of(id).started, consumer);
    const isOurs = isFenced(change, command.args[1] as EntryRef, consumer);
    return isOurs && isStarted && isHandedBack && after.waiting.has(id);
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
  checkEffects(transition);
  checkAnswers(transition, ledger);
  checkLetter(transition, ledger);
  if (command.name === 'ensureGroup' && before.lastDelivered === undefined) {
    ledger.restarted(after.lastDelivered ?? '', after.entries);
  }
  if (command.name === 'keepFloor') checkFloor(after);
}

/** Books what a change stands for. */
function settle({ id, was, is }: Change, { consumer, command }: Transition, ledger: Ledger): void {
  if (command.name === 'putOff') ledger.putOff(consumer, id, was?.count ?? 0);
  if (is) return;
  if (['acknowledge', 'commit', 'settle'].includes(command.name)) ledger.ended(id, 'handled');
  else if (command.name !== 'deadLetter') ledger.ended(id, 'vanished');
  else endLettered(id, (command.outcome as { value?: DeadLettering }).value?.settlement, ledger);
}

/** A dead letter is made once for an entry, also when its group begins again before it. */
function endLettered(id: string, settlement: DeadLettering['settlement'] | undefined, ledger: Ledger): void {
  const wasLettered = ledger.of(id).letters > 0;
  if (settlement === 'duplicate' && wasLettered) ledger.ended(id, 'dead-lettered');
  else if (settlement !== 'done' || wasLettered) {
    throw new Violation(`${id} is not pending any more, but its dead-lettering is not done`);
  }
}

/** Whether one of the deliveries was this consumer's. */
function isAmong(deliveries: ReadonlySet<string>, consumer: string): boolean {
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
function checkAnswers({ consumer, command }: Transition, ledger: Ledger): void {
  if (command.name !== 'commit' || !command.outcome || 'error' in command.outcome) return;
  const { lane, sequence, commits } = command.args[1] as CommitBatch;
  const answers = command.outcome.value as CommitAnswer[];
  for (const [i, { entry }] of commits.entries()) {
    const { committed } = ledger.of(entry.id);
    const call = `${consumer}/${lane}/${sequence}`;
    if (answers[i] === 'done') committed.add(call);
    else if (committed.has(call)) {
      throw new Violation(`${entry.id} was committed by ${call}, although its answer says otherwise`);
    }
  }
}

/** What a handler commits takes effect when its entry is settled by that commit, and at no other time. */
function checkEffects({ command, before, after }: Transition): void {
  const isCommit = command.name === 'commit';
  for (const id of new Set([...before.pending.keys(), ...Object.keys(after.effects)])) {
    const grown = Number(after.effects[id] ?? 0) - Number(before.effects[id] ?? 0);
    const isSettled = before.pending.has(id) && !after.pending.has(id);
    if (grown !== (isCommit && isSettled ? 1 : 0)) {
      throw new Violation(`${command.name} let ${id} take effect ${grown} times`);
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
