import { OrderStreamsError } from './order-streams.error.js';

/** Thrown by a handler that knows better than the backoff when a repeat makes sense. */
export class RetryLaterError extends OrderStreamsError {
  readonly retriable = true;

  /** @param delayMs - milliseconds until the next attempt, 0 or more */
  constructor(
    readonly delayMs: number,
    message = `Retry in ${delayMs} ms`,
    options?: ErrorOptions,
  ) {
    if (!Number.isFinite(delayMs) || delayMs < 0) {
      throw new RangeError(`RetryLaterError takes a delay of 0 ms or more, not ${delayMs}`);
    }
    super(message, options);
  }
}
