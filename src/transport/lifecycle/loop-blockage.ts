import { performance } from 'node:perf_hooks';
import type { Delivery } from '../entry/delivery.js';

/** Longest time between two looks, in milliseconds. */
const LONGEST_INTERVAL_MS = 1_000;
const SHORTEST_INTERVAL_MS = 10;
/** The share of the ack wait from which on a handler that lets nothing else run is named. */
const BLOCKED_SHARE = 1 / 3;

/**
 * What a handler is named for. `measured`: it did not return for that long. `ended-first`: it was the first to end
 * afterwards. `ran`: nothing is known but that it ran, as the others that are named did.
 */
export type BlockingBasis = 'measured' | 'ended-first' | 'ran';

/** A time in which the event loop stood still, and the entries of one stream whose handlers can have been the reason. */
export interface Blocking {
  readonly entryIds: readonly string[];
  readonly durationMs: number;
  readonly basis: BlockingBasis;
}

/** A stream whose handlers share the event loop with those of others. */
export interface WatchedStream {
  /** Asked for only when the loop stood still. */
  readonly deliveries: Iterable<Delivery>;
  onBlocked(blocking: Blocking): void;
}

/** One handler that is named, and its stream. */
interface Suspect {
  readonly stream: WatchedStream;
  readonly id: string;
}

/**
 * Finds out which handler let nothing else run, of all streams that share the event loop. A timer looks at short
 * intervals; when a look is late, the loop stood still since the one before.
 */
export class LoopBlockage {
  private readonly streams: WatchedStream[] = [];
  private readonly intervalMs: number;
  private readonly lateAfterMs: number;
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = performance.now();
  private measured: Suspect | undefined;
  private endedFirst: Suspect | undefined;

  constructor(ackWaitMs: number) {
    this.intervalMs = Math.max(Math.min(ackWaitMs / 6, LONGEST_INTERVAL_MS), SHORTEST_INTERVAL_MS);
    this.lateAfterMs = this.intervalMs + ackWaitMs * BLOCKED_SHARE;
  }

  add(stream: WatchedStream): void {
    this.streams.push(stream);
  }

  start(): void {
    this.lookedAt = performance.now();
    this.timer = setInterval(() => this.look(), this.intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** A handler that was called then has just returned; what it returned may be a promise. */
  noteReturn(stream: WatchedStream, id: string, calledAt: number): void {
    if (performance.now() - calledAt > this.lateAfterMs) this.measured ??= { stream, id };
  }

  /** A handler has ended. */
  noteEnd(stream: WatchedStream, id: string, endedAt: number): void {
    if (endedAt - this.lookedAt > this.lateAfterMs) this.endedFirst ??= { stream, id };
  }

  private look(): void {
    const { lookedAt, measured, endedFirst } = this;
    const now = performance.now();
    const durationMs = now - lookedAt;
    this.lookedAt = now;
    this.measured = undefined;
    this.endedFirst = undefined;
    if (durationMs <= this.lateAfterMs) return;
    if (measured) name(measured, durationMs, 'measured');
    else {
      const first = endedFirst ?? this.endedAfter(lookedAt + this.lateAfterMs);
      if (first) name(first, durationMs, 'ended-first');
      else this.nameRunning(now - durationMs / 2, durationMs);
    }
  }

  /** Of one that has ended and is acknowledged late the end is noted only when that is done. */
  private endedAfter(time: number): Suspect | undefined {
    let firstAt = Infinity;
    let first: Suspect | undefined;
    for (const stream of this.streams) {
      for (const { id, finishedAt } of stream.deliveries) {
        if (finishedAt === undefined || finishedAt <= time || finishedAt >= firstAt) continue;
        firstAt = finishedAt;
        first = { stream, id };
      }
    }
    return first;
  }

  private nameRunning(startedBefore: number, durationMs: number): void {
    const ran = ({ startedAt, hasEnded, isOverdue }: Delivery): boolean =>
      startedAt !== undefined && startedAt < startedBefore && (!hasEnded || isOverdue);
    for (const stream of this.streams) {
      const entryIds = [...stream.deliveries].filter(ran).map(({ id }) => id);
      if (entryIds.length > 0) stream.onBlocked({ entryIds, durationMs, basis: 'ran' });
    }
  }
}

function name({ stream, id }: Suspect, durationMs: number, basis: BlockingBasis): void {
  stream.onBlocked({ entryIds: [id], durationMs, basis });
}
