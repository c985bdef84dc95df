import { OrderStreamsError } from './order-streams.error.js';

/** An option of the transport has a value that cannot work; raised at construction or at start, never later. */
export class InvalidOptionError extends OrderStreamsError {
  readonly retriable = false;

  /**
   * @param option - the option's path, such as `maxInFlight`
   * @param problem - what is wrong with it and what is allowed
   */
  constructor(
    readonly option: string,
    readonly problem: string,
  ) {
    super(`Option "${option}": ${problem}`);
  }
}
