import { OrderStreamsError } from './order-streams.error.js';

/** Thrown by a handler whose failure no repeat can mend: the entry goes to the dead-letter stream at once. */
export class NonRetryableError extends OrderStreamsError {
  readonly retriable = false;
}
