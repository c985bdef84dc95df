import { InvalidOptionError } from '../entry/client-errors.js';
import { checkKnownOptions } from '../entry/known-options.js';

/** How long entries stay that every group is done with: the window in which they can be looked at and replayed. */
export interface RetentionOptions {
  /**
   * Milliseconds. An entry that no group needs any more is removed when it is older. Short saves memory and leaves
   * nothing to look back at.
   *
   * @defaultValue 86400000, a day
   */
  maxAgeMs?: number;
  /**
   * Length of the stream beyond which entries that no group needs any more are removed whatever their age.
   *
   * @defaultValue 1000000
   */
  maxEntries?: number;
  /**
   * Milliseconds after which dead letters are removed. Not set, they stay until somebody removes them: they are what
   * went wrong.
   *
   * @defaultValue not set
   */
  deadLetterMaxAgeMs?: number;
  /**
   * Length to which the stream is cut even when a group has not read what is cut. **This loses entries**; it is for
   * streams whose readers may be gone while memory must not run out. Each cut is emitted as `trimmed` with `forced`.
   *
   * @defaultValue not set
   */
  hardMaxEntries?: number;
}

/** The options, checked and complete. */
export interface Retention {
  readonly maxAgeMs: number;
  readonly maxEntries: number;
  readonly deadLetterMaxAgeMs: number | undefined;
  readonly hardMaxEntries: number | undefined;
}

const KNOWN: Readonly<Record<keyof RetentionOptions, true>> = {
  maxAgeMs: true,
  maxEntries: true,
  deadLetterMaxAgeMs: true,
  hardMaxEntries: true,
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveRetention(options: RetentionOptions): Retention {
  checkKnownOptions(options, KNOWN, 'retention');
  const retention: Retention = {
    maxAgeMs: options.maxAgeMs ?? 86_400_000,
    maxEntries: options.maxEntries ?? 1_000_000,
    deadLetterMaxAgeMs: options.deadLetterMaxAgeMs,
    hardMaxEntries: options.hardMaxEntries,
  };
  for (const [option, value] of Object.entries(retention) as [string, number | undefined][]) {
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) {
      throw new InvalidOptionError(
        `retention.${option}`,
        `must be a whole number above 0, not ${String(value)}`,
      );
    }
  }
  return Object.freeze(retention);
}
