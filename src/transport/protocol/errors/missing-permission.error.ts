import { OrderStreamsError } from './order-streams.error.js';

/** The Redis user may not do what the transport needs. */
export class MissingPermissionError extends OrderStreamsError {
  readonly retriable = false;
}
