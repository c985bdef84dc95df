import { OrderStreamsError } from './order-streams.error.js';

/** A transaction collects more than one commit may carry; the call that was too much added nothing. */
export class CommitTooLargeError extends OrderStreamsError {
  readonly retriable = false;

  /** @param problem - which limit was passed */
  constructor(problem: string) {
    super(
      `A commit is limited, since Redis serves nobody else while it applies one: ${problem}. ` +
        'Write less, or split the work over several entries',
    );
  }
}
