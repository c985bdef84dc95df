import type { DeadLetterReason } from '../protocol/dead-letter-reason.js';
import { MalformedEntryError } from '../protocol/errors/malformed-entry.error.js';
import { RetryLaterError } from '../protocol/errors/retry-later.error.js';
import { backoffDelay } from './backoff.js';
import { classifyError } from './classify-error.js';
import type { RetryPolicy } from './retry-policy.js';

/** A delivery whose handler failed, or that no handler could be given. */
export interface Failure {
  readonly entryId: string;
  /** Attempts before this one, those made elsewhere included. */
  readonly retry: number;
  readonly error: unknown;
  /** Whether the entry was read from a dead-letter stream, where it stays. */
  readonly fromDeadLetters: boolean;
}

/** What becomes of an entry after a failure. */
export type Decision =
  | { readonly action: 'park'; readonly delayMs: number }
  /** As if it had not been delivered: what it needs is away. */
  | { readonly action: 'put-off'; readonly delayMs: number }
  | { readonly action: 'dead-letter'; readonly reason: DeadLetterReason }
  /** A dead letter that cannot be handled either: done for this group, and left where it is. */
  | { readonly action: 'settle'; readonly reason: DeadLetterReason };

/**
 * Decides what becomes of an entry after a failure.
 *
 * @param maxDelayMs - longest time that an entry may wait, whoever asked for it
 */
export function decide(failure: Failure, policy: RetryPolicy, maxDelayMs: number): Decision {
  const { error } = failure;
  const errorClass = error instanceof MalformedEntryError ? 'final' : classifyError(error, policy.classify);
  if (errorClass === 'put-off') {
    return { action: 'put-off', delayMs: backoffDelay(policy.backoff, failure, maxDelayMs) };
  }
  const reason = endOf(failure, errorClass, policy.maxRetries);
  if (reason) return { action: failure.fromDeadLetters ? 'settle' : 'dead-letter', reason };
  const delayMs =
    error instanceof RetryLaterError
      ? Math.min(error.delayMs, maxDelayMs)
      : backoffDelay(policy.backoff, failure, maxDelayMs);
  return { action: 'park', delayMs };
}

function endOf(
  { error, retry }: Failure,
  errorClass: 'retry' | 'final',
  maxRetries: number,
): DeadLetterReason | undefined {
  if (error instanceof MalformedEntryError) return 'malformed';
  if (errorClass === 'final') return 'not-retryable';
  return retry >= maxRetries ? 'retries-exhausted' : undefined;
}
