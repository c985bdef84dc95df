import { MalformedEntryError, NonRetryableError } from '../entry/errors.js';
import { ask, isError, read } from '../entry/plain-text.js';
import { madeOf } from '../entry/thrown.js';
import { violationsOf } from '../entry/violations.js';
import { troubleOf } from './trouble.js';

/**
 * Whether an error may pass by itself (`retry`), no repeat can mend it (`final`), or it says nothing of the entry
 * because something else cannot be used (`put-off`): then no attempt is charged until `maxPutOffMs` is over, so a
 * classifier that says so of an error that does not pass keeps its entry going round for that long.
 */
export type ErrorClass = 'retry' | 'final' | 'put-off';

/** Says what an error is, and is believed; undefined leaves it to the defaults. */
export type ErrorClassifier = (error: unknown) => ErrorClass | undefined;

/** HTTP statuses by which Nest's pipes say that the input is wrong, and its guards that they do not let it in. */
const REFUSALS: ReadonlySet<number> = new Set([400, 401, 403, 422]);
/** What Nest says where a guard answers `false`. */
const FORBIDDEN = 'Forbidden resource';

/**
 * Says what an error is. {@link NonRetryableError} is final. Trouble of Redis, of PostgreSQL, or that was declared with
 * `DependencyUnavailableError`, is put off, see {@link troubleOf}: also within an error that says that the input is
 * wrong, since nobody who could not ask knows that. As in Spring Kafka's `DefaultErrorHandler`, decoding and validation
 * errors are final, and so is what a guard refuses: the same bytes fail the same way. Anything else may pass.
 *
 * @param original - what exception filters were given, where `error` is what came out of them
 */
export function classifyError(error: unknown, classifier?: ErrorClassifier, original?: unknown): ErrorClass {
  return classifier?.(error) ?? defaultClassOf(error, original);
}

function defaultClassOf(error: unknown, original: unknown): ErrorClass {
  const made = madeOf(error);
  if ([error, made].some(isFinal)) return 'final';
  if (troubleOf(error, original)) return 'put-off';
  return isRefusal(error, made) ? 'final' : 'retry';
}

function isFinal(error: unknown): boolean {
  return isError(error) && (error instanceof MalformedEntryError || error instanceof NonRetryableError);
}

function isRefusal(error: unknown, made: unknown): boolean {
  if (!isError(error)) return Array.isArray(error) && violationsOf(error).length > 0;
  const hasViolations = violationsOf(made).length > 0;
  const status = statusOf(error, made);
  if (status === undefined) return hasViolations || made === FORBIDDEN;
  // A validation may be set to refuse with another status.
  return REFUSALS.has(status) || (hasViolations && status >= 400 && status < 500);
}

/** The HTTP status of an exception, or of what an `RpcException` was made of. */
function statusOf(error: Error, made: unknown): number | undefined {
  const said = [
    ask(error, 'getStatus'),
    ask(made, 'getStatus'),
    read(made, 'status'),
    read(made, 'statusCode'),
  ];
  return said.find((status) => typeof status === 'number');
}
