import type { DeadLetterReason } from '../entry/dead-letter-fields.js';
import { MalformedEntryError, RetryLaterError } from '../entry/errors.js';
import { backoffDelay } from './backoff.js';
import { classifyError, type ErrorClass } from './classify-error.js';
import type { DeadLetterEnding, DeferEnding, DropEnding, RetryEnding } from './ending.js';
import { askedPutOffDelay, NOT_PUT_OFF, putOffDelay, type PutOffs } from './put-off.js';
import { retryAfterOf } from './retry-after.js';
import type { RetryPolicy } from './retry-policy.js';
import { troubleOf, type Trouble } from './trouble.js';

/** A delivery whose handler failed, or that no handler could be given. */
export interface Failure {
  readonly entryId: string;
  /** Attempts before this one, those made elsewhere included. */
  readonly retry: number;
  readonly error: unknown;
  /** What was thrown first, where exception filters made `error` of it. */
  readonly original?: unknown;
  /** When it failed, in milliseconds since 1970: somebody may have said until when it is to wait. */
  readonly atMs: number;
  /** Milliseconds that its handler took; 0 where it was not called. */
  readonly durationMs: number;
  /** Whether the entry was read from a dead-letter stream, where it stays. */
  readonly fromDeadLetters: boolean;
  /** How it was put off before; not before it is known that this matters. */
  readonly putOffs?: PutOffs | undefined;
  /** An idempotency store could not be used, and asks for a pause of at least this many milliseconds. */
  readonly storeAsksMs?: number | undefined;
  /** Whether its handler ran out of time while Redis was in trouble, as a probe confirmed: it may have waited for Redis. */
  readonly hungByRedis?: boolean;
}

/** How long an entry may wait, whoever asked for it, in milliseconds. */
export interface WaitLimits {
  readonly maxRetryDelayMs: number;
  /** For how long in all it is put off before its attempts are charged. */
  readonly maxPutOffMs: number;
}

/** What can become of a delivery that failed. */
export type FailureEnding = RetryEnding | DeferEnding | DeadLetterEnding | DropEnding;

/** Decides what becomes of an entry after a failure. */
export function decide(failure: Failure, policy: RetryPolicy, limits: WaitLimits): FailureEnding {
  const { putOffs = NOT_PUT_OFF } = failure;
  const errorClass = classOf(failure, policy);
  if (errorClass === 'put-off' && putOffs.forMs < limits.maxPutOffMs) {
    return deferred(failure, policy, putOffs, limits);
  }
  const reason = endOf(failure, errorClass, policy.maxRetries);
  if (reason && failure.fromDeadLetters) return { action: 'drop', as: 'dead-letter-failed' };
  if (reason) return { action: 'dead-letter', reason };
  return { action: 'retry', delayMs: delayOfRetry(failure, policy, limits) };
}

function classOf(
  { error, original, storeAsksMs, hungByRedis }: Failure,
  { classify }: RetryPolicy,
): ErrorClass {
  if (storeAsksMs !== undefined) return 'put-off';
  if (hungByRedis === true) return classify?.(error) ?? 'put-off';
  return error instanceof MalformedEntryError ? 'final' : classifyError(error, classify, original);
}

/** As if it had not been delivered: what it needs cannot be used. */
function deferred(failure: Failure, policy: RetryPolicy, putOffs: PutOffs, limits: WaitLimits): DeferEnding {
  const delayMs = delayOfPutOff(failure, policy, putOffs, limits);
  const forMs = putOffs.forMs + delayMs + failure.durationMs;
  const putOff = { reason: reasonOf(failure), putOffs: { times: putOffs.times + 1, forMs } };
  return { action: 'defer', as: 'put-off', delayMs, putOff };
}

function reasonOf({ error, original, hungByRedis, storeAsksMs }: Failure): Trouble | 'classifier' {
  if (hungByRedis === true) return 'redis';
  return troubleOf(error, original) ?? (storeAsksMs === undefined ? 'classifier' : 'dependency');
}

function delayOfPutOff(
  failure: Failure,
  { backoff }: RetryPolicy,
  putOffs: PutOffs,
  { maxRetryDelayMs, maxPutOffMs }: WaitLimits,
): number {
  const { entryId, error, original, atMs, storeAsksMs = 0 } = failure;
  const askedMs = askedDelay(failure, maxRetryDelayMs);
  if (askedMs !== undefined) return askedMs;
  const afterMs = retryAfterOf([error, original], atMs);
  const delayMs =
    afterMs === undefined
      ? putOffDelay(backoff, failure, putOffs, maxRetryDelayMs)
      : askedPutOffDelay(afterMs, entryId, putOffs, maxPutOffMs - putOffs.forMs);
  return Math.min(Math.max(delayMs, storeAsksMs), maxRetryDelayMs);
}

function delayOfRetry(failure: Failure, { backoff }: RetryPolicy, { maxRetryDelayMs }: WaitLimits): number {
  return askedDelay(failure, maxRetryDelayMs) ?? backoffDelay(backoff, failure, maxRetryDelayMs);
}

function askedDelay({ error }: Failure, maxDelayMs: number): number | undefined {
  return error instanceof RetryLaterError ? Math.min(error.delayMs, maxDelayMs) : undefined;
}

function endOf(
  { error, retry }: Failure,
  errorClass: ErrorClass,
  maxRetries: number,
): DeadLetterReason | undefined {
  if (error instanceof MalformedEntryError) return 'malformed';
  if (errorClass === 'final') return 'not-retryable';
  return retry >= maxRetries ? 'retries-exhausted' : undefined;
}
