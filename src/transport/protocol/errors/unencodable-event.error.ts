import { OrderStreamsError } from './order-streams.error.js';

/** What was given to `emit` cannot be written as an entry; nothing was sent. */
export class UnencodableEventError extends OrderStreamsError {
  readonly retriable = false;

  /** @param problem - which part of the event cannot be written and why */
  constructor(problem: string, options?: ErrorOptions) {
    super(`The event cannot be written to a stream: ${problem}`, options);
  }
}
