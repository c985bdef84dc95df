import { performance } from 'node:perf_hooks';
import type { Claim, ConsumerInfo, PendingEntry } from '../redis/settlement.js';
import type { StreamBroker } from '../redis/port.js';
import type { Observers } from '../observe/observers.js';
import { decideAbandoned, isSuspect, type AbandonedDecision } from '../policy/abandoned.js';
import type { RetryPolicy } from '../policy/retry-policy.js';
import type { Source } from '../entry/delivery.js';
import { AbandonedRows, ClaimSize } from './abandoned-rows.js';
import type { InFlight } from './in-flight.js';
import type { SuspectRunner } from './suspects.js';
import type { UnreadWatch } from './unread.js';

/** Rows of the pending entries list in one page. */
const PAGE = 500;
/** How long entries that are due, and then those that were abandoned, are claimed before others have their turn, in milliseconds. */
const TURN_MS = 1_000;
/** Every this many runs the waiting list is compared member by member: what is missing may be as many as what is left over. */
const THOROUGH_EVERY = 60;
/** A consumer with nothing pending that was silent for this many ack waits is dead. One that lives reads every second. */
const REAP_AFTER_ACK_WAITS = 2;

/** What the recovery of one stream works with. */
export interface StreamRecoveryParts {
  readonly source: Source;
  readonly broker: StreamBroker;
  readonly inFlight: InFlight;
  readonly observers: Observers;
  readonly policy: RetryPolicy;
  readonly suspects: SuspectRunner;
  readonly unread: UnreadWatch;
  readonly ackWaitMs: number;
  readonly maxRetryDelayMs: number;
}

/** Finds the entries of one stream that nobody works on, and brings each on its way again. */
export class StreamRecovery {
  private readonly cursors = new Map<string, string>();
  private readonly claimSize = new ClaimSize();
  private turnEnds = 0;
  private cutShort = false;
  private runs = 0;
  /** Where the next look for entries of Redis's future begins. */
  private futureFrom = '-';
  /** Found since the last run ended; crash suspects are treated between runs too. */
  private vanished = 0;

  constructor(private readonly parts: StreamRecoveryParts) {}

  /** Whether the last run found more to do than its time was enough for, and got on with it. */
  get hasMore(): boolean {
    return this.cutShort;
  }

  /** One run. Bounded: it ends when nothing is due, no handler is free, or each step had its time. */
  async runOnce(): Promise<RecoveryCounts> {
    const { broker, source, suspects, unread, ackWaitMs, maxRetryDelayMs } = this.parts;
    const { stream } = source;
    const counts = noRecoveries();
    this.cutShort = false;
    await unread.look('while-reading');
    const consumers = await broker.consumers(stream);
    const names = consumers.map(({ name }) => name);
    const groupAckWaitMs = await broker.announce(stream, 'ack-waits', ackWaitMs, names);
    const groupMaxDelayMs = await broker.announce(stream, 'retry-delays', maxRetryDelayMs, names);
    await this.claimDue(groupMaxDelayMs, counts);
    this.turnEnds = performance.now() + TURN_MS;
    for (const consumer of consumers) {
      if (consumer.pending > 0) await this.claimAbandoned(consumer, groupAckWaitMs, counts);
    }
    for (const name of this.cursors.keys()) {
      if (!names.includes(name)) this.cursors.delete(name);
    }
    counts.ranAlone = suspects.takeRan();
    counts.vanished = this.vanished;
    this.vanished = 0;
    this.runs += 1;
    counts.mended = await broker.repairWaiting(stream, this.runs % THOROUGH_EVERY === 0);
    await this.freeFuture();
    await broker.keepFloor(stream);
    if (!source.isDeadLetterStream) await broker.forgetNotes(stream);
    counts.reaped = await this.reap(consumers, groupAckWaitMs);
    return counts;
  }

  /** Takes on what was claimed; reports what was found deleted. */
  takeOn(claim: Claim): number {
    const { inFlight, observers, source } = this.parts;
    const { entries, vanished } = claim;
    this.claimSize.learn(claim);
    if (entries.length > 0) inFlight.accept(entries);
    this.vanished += vanished.length;
    if (vanished.length > 0) observers.emit('vanished', () => ({ ...source, entryIds: vanished }));
    return entries.length;
  }

  /** Looks at a page in each run; where something was found it goes on to the end. */
  private async freeFuture(): Promise<void> {
    const { broker, source, observers } = this.parts;
    let [freed, aheadMs] = [0, 0];
    do {
      const page = await broker.freeFuture(source.stream, this.futureFrom);
      this.futureFrom = page.next === '' ? '-' : page.next;
      freed += page.freed;
      aheadMs = Math.max(aheadMs, page.aheadMs);
      this.takeOn({ entries: [], vanished: page.vanished });
    } while (freed > 0 && this.futureFrom !== '-');
    if (freed > 0) observers.emit('clock-set-back', () => ({ ...source, freed, aheadMs }));
  }

  private async claimDue(maxDelayMs: number, counts: RecoveryCounts): Promise<void> {
    const { broker, source } = this.parts;
    this.turnEnds = performance.now() + TURN_MS;
    for (let room = await this.room(); room > 0; room = await this.room()) {
      const claim = await broker.claimDue(source.stream, Math.min(room, this.claimSize.most), maxDelayMs);
      counts.retried += this.takeOn(claim);
      if (claim.entries.length + claim.vanished.length === 0) return;
    }
    this.cutShort ||= counts.retried > 0;
  }

  private async claimAbandoned(
    owner: ConsumerInfo,
    ackWaitMs: number,
    counts: RecoveryCounts,
  ): Promise<void> {
    const { broker, source } = this.parts;
    const rows = new AbandonedRows(
      {
        readPage: (from, limit) => broker.pendingOf(source.stream, owner.name, from, limit),
        pageSize: PAGE,
        isAbandoned: (row) => this.isAbandoned(row, owner, ackWaitMs),
      },
      this.cursors.get(owner.name) ?? '-',
    );
    for (let room = await this.room(); room > 0; room = await this.room()) {
      await rows.readOn();
      const abandoned = rows.take(Math.min(room, this.claimSize.most));
      // The next page comes while these are claimed.
      await Promise.all([this.bringOn(abandoned, owner.name, ackWaitMs, counts), rows.readOn()]);
      if (rows.isOver) break;
    }
    this.cutShort ||= !rows.isOver && counts.reclaimed > 0;
    const { next } = rows;
    if (next === undefined) this.cursors.delete(owner.name);
    else this.cursors.set(owner.name, next);
  }

  /** Does with abandoned entries what the policy says. */
  private async bringOn(
    rows: readonly PendingEntry[],
    owner: string,
    ackWaitMs: number,
    counts: RecoveryCounts,
  ): Promise<void> {
    const { broker, source, suspects } = this.parts;
    const decided = await this.decideSuspects(rows);
    const wanted = (decision: AbandonedDecision): PendingEntry[] =>
      rows.filter((row) => (decided.get(row) ?? 'claim') === decision);

    const claimable = wanted('claim');
    if (claimable.length > 0) {
      const claim = await broker.claimAbandoned(source.stream, owner, ackWaitMs, claimable);
      this.tellReclaimed(claim, owner);
      counts.reclaimed += this.takeOn(claim);
    }
    for (const row of wanted('dead-letter')) {
      // While nobody can say what may be ended, each would be waited for in vain.
      const end = await suspects.end(row, owner, ackWaitMs);
      if (end === 'ended') counts.abandoned += 1;
      if (end === 'left' || performance.now() >= this.turnEnds) break;
    }
    const suspected = wanted('run-alone');
    if (suspected.length > 0) suspects.runAlone(suspected, owner, ackWaitMs);
  }

  /** What becomes of those of them that have used up their deliveries; the rest is claimed. */
  private async decideSuspects(
    rows: readonly PendingEntry[],
  ): Promise<ReadonlyMap<PendingEntry, AbandonedDecision>> {
    const { maxRetries } = this.parts.policy;
    const used = rows.filter(({ deliveryCount }) => isSuspect(deliveryCount, maxRetries));
    return new Map(await Promise.all(used.map(async (row) => [row, await this.decide(row)] as const)));
  }

  private async decide(row: PendingEntry): Promise<AbandonedDecision> {
    const { broker, source, policy } = this.parts;
    const { stream } = source;
    let { deliveryCount } = row;
    if (policy.resetOnErrorChange && isSuspect(deliveryCount, policy.maxRetries)) {
      // Deliveries before the present streak of errors do not count.
      deliveryCount -= (await broker.readErrorStreak(stream, row.id))?.beganAtRetry ?? 0;
    }
    const ranAlone = isSuspect(deliveryCount, policy.maxRetries) && (await broker.ranAlone(stream, row));
    return decideAbandoned({ deliveryCount, ranAlone }, policy.maxRetries);
  }

  private isAbandoned({ id, idleMs }: PendingEntry, owner: ConsumerInfo, ackWaitMs: number): boolean {
    const { source, inFlight } = this.parts;
    const isRunningHere = owner.name === source.consumer && inFlight.holds(id);
    return idleMs >= ackWaitMs && !isRunningHere;
  }

  private tellReclaimed({ entries }: Claim, owner: string): void {
    if (entries.length === 0) return;
    const { observers, source } = this.parts;
    observers.emit('reclaimed', () => ({ ...source, owner, entryIds: entries.map(({ entry }) => entry.id) }));
  }

  /** Waits for room as long as this turn lasts, so that a fast handler gets through a long list in one run. */
  private async room(): Promise<number> {
    const { inFlight } = this.parts;
    let leftMs = this.turnEnds - performance.now();
    while (leftMs > 0 && !inFlight.isRoomy && !inFlight.isClosing()) {
      await inFlight.roomWithin(leftMs);
      leftMs = this.turnEnds - performance.now();
    }
    return leftMs > 0 ? Math.max(0, inFlight.room) : 0;
  }

  private async reap(consumers: readonly ConsumerInfo[], ackWaitMs: number): Promise<number> {
    const { broker, source } = this.parts;
    const leastIdleMs = REAP_AFTER_ACK_WAITS * ackWaitMs;
    let reaped = 0;
    for (const { name, pending, idleMs } of consumers) {
      if (pending > 0 || idleMs < leastIdleMs || name === source.consumer) continue;
      if (await broker.reapConsumer(source.stream, name, leastIdleMs)) reaped += 1;
    }
    return reaped;
  }
}

/** What one run of the recovery did. */
export interface RecoveryCounts {
  /** Entries whose retry delay was over and that were delivered again. */
  retried: number;
  /** Entries that were taken over from a silent consumer. */
  reclaimed: number;
  /** Entries that ran alone, because every process that was given them had died. */
  ranAlone: number;
  /** Entries dead-lettered because they were abandoned when they ran alone. */
  abandoned: number;
  /** Entries found deleted while they were pending. */
  vanished: number;
  /** Waiting list members that were missing or left over. */
  mended: number;
  /** Consumers deleted that had nothing pending and were idle for long. */
  reaped: number;
}

/** Counts of a run that did nothing. */
export function noRecoveries(): RecoveryCounts {
  return { retried: 0, reclaimed: 0, ranAlone: 0, abandoned: 0, vanished: 0, mended: 0, reaped: 0 };
}

/** Adds counts up. */
export function sumOf(all: readonly RecoveryCounts[]): RecoveryCounts {
  const sum = noRecoveries();
  for (const counts of all) {
    for (const name of Object.keys(sum) as (keyof RecoveryCounts)[]) sum[name] += counts[name];
  }
  return sum;
}
