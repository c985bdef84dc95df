/** The same delay before every retry. */
export interface FixedBackoff {
  /** Which backoff it is. */
  readonly type: 'fixed';
  /** Milliseconds. 0 repeats at once, which hammers whatever is down; long delays leave orders waiting. */
  readonly delayMs: number;
}

/**
 * A delay that grows with every retry, as `ExponentialBackOffWithMaxRetries` of Spring Kafka:
 * `initialMs × factor^retry`, at most `maxMs`.
 */
export interface ExponentialBackoff {
  /** Which backoff it is. */
  readonly type: 'exponential';
  /** Milliseconds before the first retry. */
  readonly initialMs: number;
  /** What each delay is multiplied by; 1 keeps it as it is. */
  readonly factor: number;
  /** Longest delay in milliseconds. */
  readonly maxMs: number;
  /**
   * Share of the delay by which it varies in both directions, 0 to 1. Without it, entries that failed together come
   * back together.
   */
  readonly jitter: number;
}

/** Milliseconds before the retry; `retry` is 0 for the first one. */
export type CustomBackoff = (retry: number, error: unknown) => number;

/** How long a failed entry waits for its next attempt. */
export type Backoff = FixedBackoff | ExponentialBackoff | CustomBackoff;

/** What the delay depends on. */
export interface FailedAttempt {
  readonly entryId: string;
  /** Retries that the entry has already had. */
  readonly retry: number;
  readonly error: unknown;
}

/**
 * The delay before the next attempt, in milliseconds, never above `maxDelayMs`. It is a function of entry and retry
 * alone: whoever computes it gets the same.
 *
 * @throws TypeError when a backoff function gives no number; whatever it throws itself
 */
export function backoffDelay(
  backoff: Backoff,
  { entryId, retry, error }: FailedAttempt,
  maxDelayMs: number,
): number {
  const delay =
    typeof backoff === 'function'
      ? (backoff(retry, error) as unknown)
      : plannedDelay(backoff, entryId, retry);
  if (typeof delay !== 'number' || Number.isNaN(delay)) {
    throw new TypeError(`The backoff gave ${String(delay)} for retry ${retry}, not a number of milliseconds`);
  }
  return Math.min(Math.max(delay, 0), maxDelayMs);
}

function plannedDelay(backoff: FixedBackoff | ExponentialBackoff, entryId: string, retry: number): number {
  if (backoff.type === 'fixed') return backoff.delayMs;
  const { initialMs, factor, maxMs, jitter } = backoff;
  // The longest delay holds with its jitter, so what would vary beyond it varies below.
  const delay = initialMs === 0 ? 0 : Math.min(initialMs * factor ** retry, maxMs / (1 + jitter));
  return Math.min(delay * (1 + jitter * (2 * fraction(`${entryId}/${retry}`) - 1)), maxMs);
}

/** A number from 0 to 1 that looks random and depends on the text alone (FNV-1a, with a final mix). */
export function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 0xffffffff;
}
