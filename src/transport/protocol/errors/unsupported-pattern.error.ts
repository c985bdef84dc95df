import { OrderStreamsError } from './order-streams.error.js';

/** Handlers were registered in a way that this transport cannot serve without risk; the start is refused. */
export class UnsupportedPatternError extends OrderStreamsError {
  readonly retriable = false;

  constructor(
    readonly pattern: string,
    problem: string,
  ) {
    super(`Pattern "${pattern}": ${problem}`);
  }
}
