import { OrderStreamsError } from './order-streams.error.js';

/**
 * Thrown by a handler when something that it needs is away, such as its database: that says nothing of the entry, which
 * is put off for the backoff's delay without a delivery being charged, and never goes to the dead letters for it. An
 * entry whose handler always throws this goes round for ever.
 */
export class DependencyUnavailableError extends OrderStreamsError {
  readonly retriable = true;
}
