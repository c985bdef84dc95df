import type { DeadLetterReason } from '../entry/dead-letter-fields.js';
import type { ErrorStreak } from './error-streak.js';
import type { PutOffs } from './put-off.js';
import type { Trouble } from './trouble.js';

/**
 * What is to become of a delivery. Whoever decides returns one: the handler's end, its timeout, the store of its
 * idempotency key, the retry policy, the recovery. Only `Settler.settle` carries it out.
 */
export type Ending =
  /** Handled, or nothing to do: acknowledge. */
  | { readonly action: 'ack'; readonly as: 'processed' | 'duplicate' | 'skipped' }
  /** Handled: write what the handler collected, together with the acknowledgement. */
  | { readonly action: 'commit' }
  /** Failed: wait for the next attempt, which is charged. */
  | RetryEnding
  /** Not its fault: wait, and nothing is charged. */
  | DeferEnding
  /** Failed for good: move to the dead-letter stream. */
  | DeadLetterEnding
  /** Ended, and there is no dead letter to make: a dead letter that failed again, or what has ended elsewhere. */
  | DropEnding
  /** Somebody else settles it, or nobody can say at present: it stays as it is. */
  | { readonly action: 'leave' };

/** Wait for the next attempt, for `delayMs` milliseconds. */
export interface RetryEnding {
  readonly action: 'retry';
  readonly delayMs: number;
  /** What is to be remembered of the errors so far. */
  readonly streak?: ErrorStreak | undefined;
}

/** Wait for `delayMs` milliseconds without being charged. */
export interface DeferEnding {
  readonly action: 'defer';
  readonly delayMs: number;
  /**
   * `put-off`: what the handler needs cannot be used. `duplicate-waiting`: another entry with its key is being handled.
   * `superseded`: another delivery has taken its marker over.
   */
  readonly as: 'put-off' | 'duplicate-waiting' | 'superseded';
  /** What it is put off for, and how often and for how long it was, this time included. */
  readonly putOff?: { readonly reason: Trouble | 'classifier'; readonly putOffs: PutOffs };
}

/** Move to the dead-letter stream. */
export interface DeadLetterEnding {
  readonly action: 'dead-letter';
  readonly reason: DeadLetterReason;
}

/** Acknowledge without effect. */
export interface DropEnding {
  readonly action: 'drop';
  readonly as: 'duplicate' | 'dead-letter-failed';
}
