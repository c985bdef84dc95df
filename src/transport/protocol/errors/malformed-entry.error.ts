import { OrderStreamsError } from './order-streams.error.js';

/** An entry in a stream does not follow the wire format, so no handler can be given it. */
export class MalformedEntryError extends OrderStreamsError {
  readonly retriable = false;

  /** @param problem - what is wrong and in which field; never the field's value */
  constructor(problem: string, options?: ErrorOptions) {
    super(`Malformed entry: ${problem}`, options);
  }
}
