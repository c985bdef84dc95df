import { OrderStreamsError } from './order-streams.error.js';

/** The handler finished, but what it committed could not be written. Nothing of it was, and its entry is not acknowledged. */
export class CommitRefusedError extends OrderStreamsError {
  readonly retriable = true;

  /**
   * @param entryId - the entry that was handled
   * @param reason - names command and key, and what is wrong with them
   */
  constructor(
    readonly entryId: string,
    reason: string,
  ) {
    super(`Nothing of the commit for entry ${entryId} was written: ${reason}`);
  }
}
