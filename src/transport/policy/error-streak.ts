/** Failures of one entry by errors of the same class, one after the other. */
export interface ErrorStreak {
  /** The class of the error. */
  readonly errorName: string;
  /** Retries that the entry had had when the streak began; the streak's own count from there. */
  readonly beganAtRetry: number;
}

/** The streak that a failure belongs to: the one before, if its error is of the same class, else a new one. */
export function continueStreak(
  before: ErrorStreak | undefined,
  errorName: string,
  retry: number,
): ErrorStreak {
  if (!before) return { errorName, beganAtRetry: 0 };
  return before.errorName === errorName ? before : { errorName, beganAtRetry: retry };
}
