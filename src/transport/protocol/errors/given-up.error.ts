import { NonRetryableError } from './non-retryable.error.js';

/**
 * An entry that a process had given up before, which did not come to write the dead letter, or that was delivered again
 * after it: its handler is not called any more, so that nothing is both processed and dead-lettered.
 */
export class GivenUpError extends NonRetryableError {
  constructor(readonly entryId: string) {
    super(`The entry ${entryId} was given up before; only a replay of its dead letter is handled`);
  }
}
