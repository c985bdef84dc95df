import { OrderStreamsError } from './order-streams.error.js';

/**
 * Redis did not answer in time, or refused the write for a reason that passes (loading, out of memory, read only).
 */
export class RedisUnavailableError extends OrderStreamsError {
  readonly retriable = true;

  /**
   * @param message - what was tried
   * @param mayBeThere - true when the command had been sent and its answer was lost: what it was to write may be in
   * Redis all the same, or come to be there later, and a repeat of an emit without an idempotency key may add the entry
   * twice. False: it is not there, and a repeat is safe
   */
  constructor(
    message: string,
    readonly mayBeThere: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The same as {@link mayBeThere}. */
  get mayHaveSucceeded(): boolean {
    return this.mayBeThere;
  }
}
