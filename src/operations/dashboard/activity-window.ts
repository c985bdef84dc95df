/** Milliseconds that are counted together. */
export const BUCKET_MS = 3_000;
/** Five minutes. */
export const BUCKETS = 100;

/** What is counted. */
export const ACTIVITIES = ['handled', 'retried', 'deadLettered'] as const;
export type Activity = (typeof ACTIVITIES)[number];

/** A bucket's number since 1970, and its counts in the order of {@link ACTIVITIES}. */
export type ActivityRow = readonly [bucket: number, ...counts: number[]];

export function bucketAt(ms: number): number {
  return Math.floor(ms / BUCKET_MS);
}

/** Counts over the last minutes, in memory of a fixed size. */
export class ActivityWindow {
  private readonly buckets = new Map<number, number[]>();

  add(activity: Activity, ms: number): void {
    const bucket = bucketAt(ms);
    let counts = this.buckets.get(bucket);
    if (!counts) {
      this.forget(bucket);
      counts = ACTIVITIES.map(() => 0);
      this.buckets.set(bucket, counts);
    }
    const at = ACTIVITIES.indexOf(activity);
    counts[at] = (counts[at] ?? 0) + 1;
  }

  /** Buckets in which anything happened, up to the one of `ms`. */
  rows(ms: number): ActivityRow[] {
    this.forget(bucketAt(ms));
    return [...this.buckets].map(([bucket, counts]) => [bucket, ...counts]);
  }

  private forget(newest: number): void {
    for (const bucket of this.buckets.keys()) if (bucket <= newest - BUCKETS) this.buckets.delete(bucket);
  }
}

/**
 * Adds windows up.
 *
 * @returns for each activity one number for each bucket, the oldest first; the last one is the bucket of `ms`
 */
export function sumOf(windows: Iterable<readonly ActivityRow[]>, ms: number): Record<Activity, number[]> {
  const oldest = bucketAt(ms) - BUCKETS + 1;
  const sums = ACTIVITIES.map(() => Array<number>(BUCKETS).fill(0));
  for (const rows of windows) {
    for (const [bucket, ...counts] of rows) {
      const at = bucket - oldest;
      if (at < 0 || at >= BUCKETS) continue;
      sums.forEach((sum, activity) => (sum[at] = (sum[at] ?? 0) + (counts[activity] ?? 0)));
    }
  }
  return Object.fromEntries(ACTIVITIES.map((name, i) => [name, sums[i] ?? []])) as Record<Activity, number[]>;
}
