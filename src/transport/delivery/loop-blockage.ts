import { performance } from 'node:perf_hooks';
import type { HeldEntry } from './held-entry.js';

/** A time in which the event loop stood still, and the entries whose handlers can have been the reason. */
export interface Blocking {
  readonly entryIds: readonly string[];
  readonly durationMs: number;
}

/**
 * Finds out which handler let nothing else run. A timer looks at short intervals; when a look is late, the loop stood
 * still since the one before, and the first handler that ended meanwhile was the reason. Where none ended, it is one of
 * those that run.
 */
export class LoopBlockage {
  private lookedAt = performance.now();
  private lateAfterMs = Infinity;
  private blocker: string | undefined;

  /** @param ms - the interval of the looks, and how much longer one may take */
  expectLookWithin(ms: number): void {
    this.lateAfterMs = ms;
    this.lookedAt = performance.now();
  }

  /** A handler has ended. */
  noteEnd(id: string, endedAt: number): void {
    if (endedAt - this.lookedAt > this.lateAfterMs) this.blocker ??= id;
  }

  /** @param held - entries here; those whose handlers run are looked at only when the loop stood still */
  look(held: Iterable<HeldEntry>): Blocking | undefined {
    const now = performance.now();
    const durationMs = now - this.lookedAt;
    const { lookedAt, lateAfterMs } = this;
    // Of one that has ended and is acknowledged late the end is noted only when that is done.
    const endedLate = ({ finishedAt }: HeldEntry): boolean =>
      finishedAt !== undefined && finishedAt - lookedAt > lateAfterMs;
    const blocker = this.blocker ?? (durationMs > lateAfterMs ? [...held].find(endedLate)?.id : undefined);
    this.lookedAt = now;
    this.blocker = undefined;
    if (durationMs <= this.lateAfterMs) return undefined;
    const isRunning = ({ startedAt }: HeldEntry): boolean =>
      startedAt !== undefined && startedAt < now - (now - lookedAt) / 2;
    const entryIds = blocker === undefined ? [...held].filter(isRunning).map(({ id }) => id) : [blocker];
    return entryIds.length > 0 ? { entryIds, durationMs } : undefined;
  }
}
