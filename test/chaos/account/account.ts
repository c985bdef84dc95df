import { kindIn } from '../plan/orders.js';
import type { FinalState } from './final-state.js';

/** What a run left behind, all of it kept outside Redis but the final state. */
export interface Evidence {
  /** Order and entry of each acknowledged emit. */
  readonly acknowledged: readonly (readonly string[])[];
  /** Order and entry of each effect. */
  readonly effects: readonly (readonly string[])[];
  /** Order, entry and reason of each dead letter. */
  readonly deadLetters: readonly (readonly string[])[];
  /** What the handlers wrote down: `start <ms> <pid> <entry> <count>`, `end <entry> <count>`, `robbed <entry> …`. */
  readonly runs: readonly (readonly string[])[];
  /** Undefined when it could not be read. */
  readonly finalState: FinalState | undefined;
  /** The last entry of each moment at which Redis may have lost what it had. */
  readonly lostUpTo: readonly string[];
  /** Entries that were acknowledged and that Redis did not promise to keep, or that somebody took away. */
  readonly dropped: ReadonlySet<string>;
  /** Effects and dead letters that were seen and are not in what is left. */
  readonly undone: number;
  /** Whether work since the group's floor may have run again. */
  readonly mayRepeat: boolean;
  /** Whether an effect is applied in one step with the acknowledgement of its entry. */
  readonly exactlyOnce: boolean;
  /** Whether deliveries may be charged that no handler failed: their process was killed, or stopped for too long. */
  readonly charges: boolean;
  /** Whether each entry must be delivered once. */
  readonly deliversOnce: boolean;
  /** Most consumers that may be left. */
  readonly mostConsumers: number;
  /** What else was found. */
  readonly complaints: readonly string[];
}

/** What became of the orders. */
export interface Account {
  readonly orders: number;
  readonly sentTwice: number;
  /** Of those, the ones that had one effect: keys caught the others. */
  readonly caught: number;
  readonly done: number;
  readonly doubled: readonly string[];
  readonly lost: readonly string[];
  readonly dead: number;
  readonly deadAtFault: number;
  /** Orders that were given up although nothing was wrong with them. */
  readonly deadWrongly: readonly string[];
  readonly deadTwice: readonly string[];
  readonly both: readonly string[];
  /** What Redis lost before it had ended. */
  readonly lostByRedis: number;
  /** Effects and dead letters that a failover took back; each was done again. */
  readonly undone: number;
  /** Effects and ends that were repeated because Redis had lost its memory of them. */
  readonly repeated: number;
  readonly deliveries: number;
  /** Deliveries of entries whose handler had finished once already. */
  readonly deliveredAgain: number;
  readonly robbed: readonly string[];
  /** Entries that were given to a handler more than once. */
  readonly redelivered: readonly string[];
  readonly finalState: FinalState | undefined;
  /** One sentence each. */
  readonly violations: readonly string[];
}

/** Compares what was acknowledged with what became of it. */
export function accountOf(evidence: Evidence): Account {
  const { acknowledged, effects, deadLetters, runs, finalState } = evidence;
  const entriesOf = grouped(acknowledged);
  const effectsOf = grouped(effects);
  const lettersOf = grouped(deadLetters);
  const reasonsOf = grouped(deadLetters.map(([orderId = '', , reason = '']) => [orderId, reason]));
  const lossLimit = [...evidence.lostUpTo].sort(compareIds).at(-1);
  const maySurprise = (entryId: string): boolean =>
    evidence.mayRepeat || (lossLimit !== undefined && compareIds(entryId, lossLimit) <= 0);

  const mayBeLost = (id: string): boolean =>
    evidence.dropped.has(id) || (lossLimit !== undefined && compareIds(id, lossLimit) <= 0);

  // Whoever is killed with an order in hand has used up one of its attempts; one that fails by itself, too.
  const isExcused = (kind: string, reasons: readonly string[]): boolean =>
    evidence.charges && (kind === 'flaky' || reasons.every((reason) => reason === 'abandoned'));

  const found = { doubled: [], lost: [], deadTwice: [], both: [], deadWrongly: [] } as Record<
    string,
    string[]
  >;
  const put = (kind: string, orderId: string): void => void found[kind]?.push(orderId);
  const sums = { done: 0, dead: 0, deadAtFault: 0, lostByRedis: 0, repeated: 0, sentTwice: 0, caught: 0 };
  for (const [orderId, entries] of entriesOf) {
    if (entries.length > 1) sums.sentTwice += 1;
    const applied = effectsOf.get(orderId) ?? [];
    const letters = lettersOf.get(orderId) ?? [];
    if (applied.length === 1) sums.done += 1;
    if (applied.length === 1 && entries.length > 1) sums.caught += 1;
    if (applied.length > 1) {
      if (applied.slice(0, -1).some(maySurprise)) sums.repeated += 1;
      else put('doubled', orderId);
    }
    if (applied.length === 0 && letters.length === 0) {
      if (entries.every(mayBeLost)) sums.lostByRedis += 1;
      else put('lost', orderId);
    }
    if (letters.length > 0 && applied.length === 0) {
      sums.dead += 1;
      if (['poison', 'killer', 'late', 'committer'].includes(kindIn(orderId))) sums.deadAtFault += 1;
      else if (!isExcused(kindIn(orderId), reasonsOf.get(orderId) ?? []) && !letters.every(mayBeLost))
        put('deadWrongly', orderId);
    }
    if (new Set(letters).size < letters.length) {
      if (letters.some(maySurprise)) sums.repeated += 1;
      else put('deadTwice', orderId);
    }
    if (letters.some((id) => applied.includes(id))) {
      if (letters.some(maySurprise)) sums.repeated += 1;
      else put('both', orderId);
    }
  }
  const handled = handledRuns(runs);
  const account = {
    ...sums,
    undone: evidence.undone,
    orders: entriesOf.size,
    doubled: found.doubled ?? [],
    lost: found.lost ?? [],
    deadTwice: found.deadTwice ?? [],
    both: found.both ?? [],
    deadWrongly: found.deadWrongly ?? [],
    ...handled,
    finalState,
  };
  return { ...account, violations: violationsIn(account, evidence) };
}

function violationsIn(account: Omit<Account, 'violations'>, evidence: Evidence): string[] {
  const { finalState, lost, doubled, both, deadTwice, robbed } = account;
  const violations: string[] = [];
  const name = (orders: readonly string[], what: string): void => {
    if (orders.length > 0) violations.push(`${orders.length} ${what}: ${orders.slice(0, 5).join(', ')}`);
  };
  name(lost, 'lost');
  name(deadTwice, 'dead-lettered more than once');
  name(account.deadWrongly, 'good ones dead-lettered');
  if (evidence.exactlyOnce) {
    name(doubled, 'done more than once');
    name(both, 'both done and dead-lettered');
  }
  name(robbed, 'taken from the newest delivery');
  if (evidence.deliversOnce) name(account.redelivered, 'delivered more than once');
  if (!finalState) violations.push('the final state could not be read');
  else {
    if (finalState.pending > 0) violations.push(`${finalState.pending} entries are still pending`);
    if (finalState.waiting > 0) violations.push(`${finalState.waiting} entries still wait for a retry`);
    if (finalState.consumers > evidence.mostConsumers)
      violations.push(`${finalState.consumers} consumers are left`);
    if (finalState.unread > 0) violations.push(`${finalState.unread} entries were never read`);
  }
  return [...violations, ...evidence.complaints];
}

function handledRuns(
  runs: readonly (readonly string[])[],
): Pick<Account, 'deliveries' | 'deliveredAgain' | 'robbed' | 'redelivered'> {
  const ends = new Map<string, number>();
  const robbed: string[] = [];
  const starts = new Map<string, number>();
  let deliveries = 0;
  for (const [what, ...words] of runs) {
    if (what === 'start') {
      deliveries += 1;
      starts.set(words[2] ?? '', (starts.get(words[2] ?? '') ?? 0) + 1);
    }
    if (what === 'end') ends.set(words[0] ?? '', (ends.get(words[0] ?? '') ?? 0) + 1);
    if (what === 'robbed') robbed.push(words.join(' '));
  }
  let deliveredAgain = 0;
  for (const times of ends.values()) deliveredAgain += times - 1;
  const redelivered = [...starts].filter(([, times]) => times > 1).map(([entryId]) => entryId);
  return { deliveries, deliveredAgain, robbed, redelivered };
}

function grouped(lines: readonly (readonly string[])[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [orderId = '', entryId = ''] of lines) {
    const group = groups.get(orderId);
    if (group) group.push(entryId);
    else groups.set(orderId, [entryId]);
  }
  return groups;
}

/** As Redis orders entries. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aSequence = 0] = a.split('-').map(Number);
  const [bMs = 0, bSequence = 0] = b.split('-').map(Number);
  return aMs - bMs || aSequence - bSequence;
}
