import { MalformedEntryError, NonRetryableError } from '../entry/errors.js';
import { ask, isError } from '../entry/plain-text.js';
import { troubleOf } from './trouble.js';

/**
 * Whether an error may pass by itself (`retry`), no repeat can mend it (`final`), or it says nothing of the entry
 * because something else cannot be used (`put-off`): then no attempt is charged until `maxPutOffMs` is over, so a
 * classifier that says so of an error that does not pass keeps its entry going round for that long.
 */
export type ErrorClass = 'retry' | 'final' | 'put-off';

/** Says what an error is, and is believed; undefined leaves it to the defaults. */
export type ErrorClassifier = (error: unknown) => ErrorClass | undefined;

/** HTTP statuses by which Nest's pipes say that the input is wrong. */
const INVALID_INPUT: ReadonlySet<unknown> = new Set([400, 422]);

/**
 * Says what an error is. {@link NonRetryableError} is final. Trouble of Redis, of PostgreSQL, or that was declared with
 * `DependencyUnavailableError`, is put off, see {@link troubleOf}: also within an error that says that the input is
 * wrong, since nobody who could not ask knows that. As in Spring Kafka's `DefaultErrorHandler`, decoding and validation
 * errors are final: the same bytes fail the same way. Anything else may pass.
 */
export function classifyError(error: unknown, classifier?: ErrorClassifier): ErrorClass {
  return classifier?.(error) ?? defaultClassOf(error);
}

function defaultClassOf(error: unknown): ErrorClass {
  if (error instanceof MalformedEntryError || error instanceof NonRetryableError) return 'final';
  if (troubleOf(error)) return 'put-off';
  return saysInvalidInput(error) ? 'final' : 'retry';
}

function saysInvalidInput(error: unknown): boolean {
  return isError(error) && INVALID_INPUT.has(ask(error, 'getStatus'));
}
