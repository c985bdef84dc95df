import { NonRetryableError } from '../transport/index.js';

/** An order came under the id of another one that says something else; the first one keeps the id. */
export class OrderIdConflictError extends NonRetryableError {
  constructor() {
    super('Another order with this id and other content came first; send it under an id of its own');
  }
}
