import { MalformedEntryError } from '../protocol/errors/malformed-entry.error.js';
import { NonRetryableError } from '../protocol/errors/non-retryable.error.js';

/** Whether an error may pass by itself (`retry`) or no repeat can mend it (`final`). */
export type ErrorClass = 'retry' | 'final';

/** Says what an error is; undefined leaves it to the defaults. */
export type ErrorClassifier = (error: unknown) => ErrorClass | undefined;

/** HTTP statuses by which Nest's pipes say that the input is wrong. */
const INVALID_INPUT = new Set([400, 422]);

/**
 * Says what an error is. As in Spring Kafka's `DefaultErrorHandler`, decoding and validation errors are final: the
 * same bytes fail the same way. So is {@link NonRetryableError}. Anything else may pass.
 */
export function classifyError(error: unknown, classifier?: ErrorClassifier): ErrorClass {
  return classifier?.(error) ?? (isFinal(error) ? 'final' : 'retry');
}

function isFinal(error: unknown): boolean {
  if (error instanceof MalformedEntryError || error instanceof NonRetryableError) return true;
  return (
    error instanceof Error && 'getStatus' in error && INVALID_INPUT.has(statusOf(error.getStatus, error))
  );
}

function statusOf(getStatus: unknown, error: Error): number {
  try {
    return typeof getStatus === 'function' ? Number(getStatus.call(error)) : 0;
  } catch {
    return 0; // An error that cannot say what it is may pass.
  }
}
