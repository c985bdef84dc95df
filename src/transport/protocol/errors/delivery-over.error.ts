import { OrderStreamsError } from './order-streams.error.js';

/** `context.commit` was called after the handler had ended, or when its result no longer counted. */
export class DeliveryOverError extends OrderStreamsError {
  readonly retriable = false;

  constructor(
    readonly entryId: string,
    options?: ErrorOptions,
  ) {
    super(`The delivery of entry ${entryId} is over: what is committed now would never be applied`, options);
  }
}
