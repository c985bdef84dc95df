import { OrderStreamsError } from './order-streams.error.js';

/** A write that travels with an event depends on a field that holds something else by now: nothing was added or written. */
export class ContradictedWritesError extends OrderStreamsError {
  readonly retriable = false;

  constructor() {
    super('A field that the writes of this event depend on holds another value; nothing was added');
  }
}
