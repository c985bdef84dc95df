import { performance } from 'node:perf_hooks';
import type { Claim, ConsumerInfo, PendingEntry } from '../broker/settlement.js';
import type { StreamBroker } from '../broker/stream-broker.js';
import type { Source } from '../delivery/received-event.js';
import type { StreamConsumer } from '../delivery/stream-consumer.js';
import type { Observers } from '../observe/observers.js';
import { decideAbandoned, isSuspect, type AbandonedDecision } from '../policy/abandoned.js';
import type { RetryPolicy } from '../policy/retry-policy.js';
import { noRecoveries, type RecoveryCounts } from './recovery-counts.js';
import type { SuspectRunner } from './suspect-runner.js';

/** Rows of the pending entries list in one page. */
const PAGE = 250;
/** Pages without anything abandoned that are looked at for one consumer in one run; the next run goes on from there. */
const IDLE_PAGES_PER_RUN = 20;
/** How long entries that are due are claimed before the rest has its turn, in milliseconds. */
const DUE_LIMIT_MS = 1_000;
/** Every so many runs the waiting list is compared member by member: what is missing may be as many as what is left over. */
const THOROUGH_EVERY = 60;
/** A consumer with nothing pending that was silent for so many ack waits is dead. One that lives reads every second. */
const REAP_AFTER_ACK_WAITS = 2;
/** How long a run waits in all for handlers to take what it claimed, in milliseconds. */
const ROOM_PATIENCE_MS = 1_000;

/** What the recovery of one stream works with. */
export interface StreamRecoveryParts {
  readonly source: Source;
  readonly broker: StreamBroker;
  readonly consumer: StreamConsumer;
  readonly observers: Observers;
  readonly policy: RetryPolicy;
  readonly suspects: SuspectRunner;
  readonly ackWaitMs: number;
  readonly maxRetryDelayMs: number;
}

/** Finds the entries of one stream that nobody works on, and brings each on its way again. */
export class StreamRecovery {
  private readonly cursors = new Map<string, string>();
  private patienceUntil = 0;
  private runs = 0;
  /** Found since the last run ended; crash suspects are treated between runs too. */
  private vanished = 0;

  constructor(private readonly parts: StreamRecoveryParts) {}

  /** One run. Bounded: it ends when nothing is due, no handler is free, or each step had its time. */
  async runOnce(): Promise<RecoveryCounts> {
    const { broker, source, suspects, ackWaitMs, maxRetryDelayMs } = this.parts;
    const { stream } = source;
    const counts = noRecoveries();
    this.patienceUntil = performance.now() + ROOM_PATIENCE_MS;
    const consumers = await broker.consumers(stream);
    const names = consumers.map(({ name }) => name);
    const groupAckWaitMs = await broker.announce(stream, 'ack-waits', ackWaitMs, names);
    const groupMaxDelayMs = await broker.announce(stream, 'retry-delays', maxRetryDelayMs, names);
    await this.claimDue(groupMaxDelayMs, counts);
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
    await broker.keepFloor(stream);
    counts.reaped = await this.reap(consumers, groupAckWaitMs);
    return counts;
  }

  /** Takes on what was claimed; tells of what was found deleted. */
  takeOn({ entries, vanished }: Claim): number {
    const { consumer, observers, source } = this.parts;
    if (entries.length > 0) consumer.accept(entries);
    this.vanished += vanished.length;
    if (vanished.length > 0) observers.tell('vanished', () => ({ ...source, entryIds: vanished }));
    return entries.length;
  }

  private async claimDue(maxDelayMs: number, counts: RecoveryCounts): Promise<void> {
    const { broker, source } = this.parts;
    const end = performance.now() + DUE_LIMIT_MS;
    for (let room = await this.room(); room > 0 && performance.now() < end; room = await this.room()) {
      const claim = await broker.claimDue(source.stream, room, maxDelayMs);
      counts.retried += this.takeOn(claim);
      if (claim.entries.length + claim.vanished.length === 0) return;
    }
  }

  private async claimAbandoned(
    owner: ConsumerInfo,
    ackWaitMs: number,
    counts: RecoveryCounts,
  ): Promise<void> {
    const { broker, source, suspects } = this.parts;
    const { stream } = source;
    let from = this.cursors.get(owner.name) ?? '-';
    for (let idlePages = 0; idlePages < IDLE_PAGES_PER_RUN;) {
      const room = await this.room();
      if (room === 0) break;
      const rows = await broker.pendingOf(stream, owner.name, from, PAGE);
      const abandoned = rows.filter((row) => this.isAbandoned(row, owner, ackWaitMs)).slice(0, room);
      if (abandoned.length === 0) idlePages += 1;
      const decided = await Promise.all(abandoned.map((row) => this.decide(row)));
      const wanted = (decision: AbandonedDecision): PendingEntry[] =>
        abandoned.filter((_row, index) => decided[index] === decision);

      const claimable = wanted('claim');
      if (claimable.length > 0) {
        const claim = await broker.claimAbandoned(stream, owner.name, ackWaitMs, claimable);
        this.tellReclaimed(claim, owner.name);
        counts.reclaimed += this.takeOn(claim);
      }
      for (const row of wanted('dead-letter')) {
        if (await suspects.end(row, owner.name, ackWaitMs)) counts.abandoned += 1;
      }
      const suspected = wanted('run-alone');
      if (suspected.length > 0) suspects.runAlone(suspected, owner.name, ackWaitMs);

      const isLast = rows.length < PAGE && abandoned.length < room;
      from = isLast ? '-' : `(${(abandoned.length < room ? rows : abandoned).at(-1)?.id ?? '0'}`;
      if (isLast) break;
    }
    if (from === '-') this.cursors.delete(owner.name);
    else this.cursors.set(owner.name, from);
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
    const { source, consumer } = this.parts;
    const isRunningHere = owner.name === source.consumer && consumer.holds(id);
    return idleMs >= ackWaitMs && !isRunningHere;
  }

  private tellReclaimed({ entries }: Claim, owner: string): void {
    if (entries.length === 0) return;
    const entryIds = entries.map(({ entry }) => entry.id);
    this.parts.observers.tell('reclaimed', () => ({ ...this.parts.source, owner, entryIds }));
  }

  /** Waits a moment for room, so that a fast handler gets through a long list in one run. */
  private async room(): Promise<number> {
    const { consumer } = this.parts;
    const patienceMs = this.patienceUntil - performance.now();
    if (consumer.room <= 0 && patienceMs > 0 && !consumer.isClosing()) await consumer.roomWithin(patienceMs);
    return Math.max(0, consumer.room);
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
