import { OrderStreamsError } from './order-streams.error.js';

/**
 * Thrown by a handler when something that it needs cannot be used, such as its database: that says nothing of the entry,
 * which is put off without a delivery being charged: first for the delay of the backoff, then for twice as long each
 * time. When it was put off for `maxPutOffMs` its attempts are charged.
 */
export class DependencyUnavailableError extends OrderStreamsError {
  readonly retriable = true;
}
