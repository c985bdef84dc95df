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
