import { DependencyUnavailableError } from '../protocol/errors/dependency-unavailable.error.js';
import { MalformedEntryError } from '../protocol/errors/malformed-entry.error.js';
import { NonRetryableError } from '../protocol/errors/non-retryable.error.js';

/**
 * Whether an error may pass by itself (`retry`), no repeat can mend it (`final`), or it says nothing of the entry
 * because something else is away (`put-off`): then no attempt is charged, so a classifier that says so of an error that
 * does not pass keeps its entry going round for ever.
 */
export type ErrorClass = 'retry' | 'final' | 'put-off';

/** Says what an error is; undefined leaves it to the defaults. */
export type ErrorClassifier = (error: unknown) => ErrorClass | undefined;

/** HTTP statuses by which Nest's pipes say that the input is wrong. */
const INVALID_INPUT = new Set([400, 422]);

/**
 * Says what an error is. As in Spring Kafka's `DefaultErrorHandler`, decoding and validation errors are final: the
 * same bytes fail the same way. So is {@link NonRetryableError}. {@link DependencyUnavailableError} is put off. Anything
 * else may pass.
 */
export function classifyError(error: unknown, classifier?: ErrorClassifier): ErrorClass {
  return classifier?.(error) ?? defaultClassOf(error);
}

function defaultClassOf(error: unknown): ErrorClass {
  if (error instanceof DependencyUnavailableError) return 'put-off';
  return isFinal(error) ? 'final' : 'retry';
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
