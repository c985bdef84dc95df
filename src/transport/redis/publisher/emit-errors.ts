import { failureOf } from '../redis-failure.js';
import { ContradictedWritesError, OrderStreamsError, StreamUnusableError } from '../../entry/errors.js';
import {
  FunctionsMissingError,
  MissingPermissionError,
  RedisUnavailableError,
} from '../../entry/client-errors.js';

/** The error of an emit whose answer was lost: Redis may have carried it out. */
export function inDoubt(stream: string, cause: unknown): RedisUnavailableError {
  const message = `The link to Redis broke while writing to "${stream}"; the entry may be there, and was not sent again`;
  return new RedisUnavailableError(message, true, { cause });
}

/** What the caller of an emit is given for an error of Redis, which added nothing. */
export function explained(error: unknown, stream: string): unknown {
  if (error instanceof OrderStreamsError) return error;
  if (error instanceof Error && error.message.startsWith('CONTRADICTED'))
    return new ContradictedWritesError();
  const options = { cause: error };
  switch (failureOf(error)) {
    case 'unreachable':
      return inDoubt(stream, error);
    case 'cluster-changes':
    case 'refuses-writes': {
      const message = `Redis refuses writes to "${stream}" (${(error as Error).message})`;
      return new RedisUnavailableError(message, false, options);
    }
    case 'functions-missing':
      return new FunctionsMissingError();
    case 'wrong-type':
      return new StreamUnusableError(
        `Nothing can be added to "${stream}": a key holds another type than it must (${(error as Error).message})`,
        { cause: error },
      );
    case 'stream-full':
      return new StreamUnusableError(
        `"${stream}" takes no entries: its last id is the largest that there is. Remove that entry and set the id back`,
        { cause: error },
      );
    case 'no-permission': {
      const message = `This Redis user may not write to "${stream}" (${(error as Error).message})`;
      return new MissingPermissionError(message, options);
    }
    default:
      return error;
  }
}
