import { NonRetryableError } from '../transport/index.js';

/** An entry of the stream is not a valid order, and will not be at the next attempt either. */
export class InvalidOrderError extends NonRetryableError {
  /** @param violations - one sentence for each rule that is broken */
  constructor(readonly violations: readonly string[]) {
    super(`The entry is not a valid order: ${violations.join('; ')}`);
  }
}
