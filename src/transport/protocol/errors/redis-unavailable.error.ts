import { OrderStreamsError } from './order-streams.error.js';

/**
 * Redis did not answer in time, or refused the write for a reason that passes (loading, out of memory, read only).
 */
export class RedisUnavailableError extends OrderStreamsError {
  readonly retriable = true;

  /**
   * @param message - what was tried
   * @param mayHaveSucceeded - true when the command had been sent and its answer was lost: the entry may be in the
   * stream all the same, and a repeat without an idempotency key may add it twice
   */
  constructor(
    message: string,
    readonly mayHaveSucceeded: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
