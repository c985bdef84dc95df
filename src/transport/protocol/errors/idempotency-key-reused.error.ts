import { OrderStreamsError } from './order-streams.error.js';

/** An idempotency key was sent again with an event that is not the one that it stands for; nothing was added. */
export class IdempotencyKeyReusedError extends OrderStreamsError {
  readonly retriable = false;

  constructor(
    /** The key as it was given. */
    readonly key: string,
    /** The entry that the key stands for. */
    readonly entryId: string,
  ) {
    super(`The idempotency key "${key}" was used for another event already, entry ${entryId}; use a new key`);
  }
}
