import { NonRetryableError } from '../../../transport/index.js';
import type { OrderOutcome } from '../../order-state.js';

/** This entry was found dead in a process that did not come to write the dead letter. */
export class EndedOrderError extends NonRetryableError {
  constructor({ lastError }: OrderOutcome) {
    super(lastError ?? 'The order is dead-lettered');
  }
}
