import { BUCKETS } from './activity-window.js';

/** The last lag that was seen in each bucket of the last minutes. */
export class LagHistory {
  private readonly seen = new Map<number, number>();

  note(bucket: number, lag: number | undefined): void {
    if (lag !== undefined) this.seen.set(bucket, lag);
    for (const old of this.seen.keys()) if (old <= bucket - BUCKETS) this.seen.delete(old);
  }

  /** One value for each bucket, the oldest first, `newest` last; null where nobody looked. */
  until(newest: number): (number | null)[] {
    return Array.from({ length: BUCKETS }, (_, i) => this.seen.get(newest - BUCKETS + 1 + i) ?? null);
  }
}
