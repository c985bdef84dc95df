import { NonRetryableError } from './non-retryable.error.js';

/** An entry has no usable idempotency key. It goes to the dead letters: handled without one, it could be handled twice. */
export class IdempotencyKeyError extends NonRetryableError {
  /**
   * @param handler - the handler's name in the markers, its pattern unless it was given another
   * @param problem - what is wrong with the key; never the key itself
   */
  constructor(
    readonly handler: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`No idempotency key for the handler "${handler}": ${problem}`, options);
  }
}
