import { backoffDelay, fraction, type Backoff, type FailedAttempt } from './backoff.js';

/** How often an entry was put off in a row, and for how long in all, its runs in between included. */
export interface PutOffs {
  readonly times: number;
  readonly forMs: number;
}

/** An entry that was not put off before. */
export const NOT_PUT_OFF: PutOffs = Object.freeze({ times: 0, forMs: 0 });

const SHORTEST_MS = 10;
/** What waits for longer comes late when the trouble is over. */
const LONGEST_MS = 30_000;
/** Entries that met the same trouble must not come back together. */
const JITTER = 0.2;
/** How much later they are back at most when somebody said when, in milliseconds. */
const LONGEST_LATER_MS = 500;

/**
 * How long an entry is put off for, in milliseconds: at first for the delay of its backoff, then twice as long each
 * time, so that the trouble is asked after about as long again as it has lasted; at most half a minute, unless the
 * backoff itself is longer.
 *
 * @throws whatever a backoff function throws
 */
export function putOffDelay(
  backoff: Backoff,
  attempt: FailedAttempt,
  { times }: PutOffs,
  maxDelayMs: number,
): number {
  const first = Math.max(backoffDelay(backoff, attempt, maxDelayMs), SHORTEST_MS);
  const grown = Math.min(first * 2 ** times, Math.max(first, LONGEST_MS));
  const swing = 1 + JITTER * (2 * fraction(`${attempt.entryId}/put-off/${times}`) - 1);
  return Math.min(grown * swing, maxDelayMs);
}

/**
 * How long an entry is put off for where somebody asked to be left alone for `askedMs`: never less, and a little longer,
 * each entry by another time; at most `leftMs`.
 */
export function askedPutOffDelay(
  askedMs: number,
  entryId: string,
  { times }: PutOffs,
  leftMs: number,
): number {
  const later = Math.min(askedMs * JITTER, LONGEST_LATER_MS) * fraction(`${entryId}/asked/${times}`);
  return Math.min(Math.max(askedMs, SHORTEST_MS) + later, leftMs);
}
