import { OrderStreamsError } from './order-streams.error.js';

/** A handler did not finish within its timeout; it counts as failed, and what it still does no longer counts. */
export class HandlerTimeoutError extends OrderStreamsError {
  readonly retriable = true;

  constructor(readonly timeoutMs: number) {
    super(`The handler did not finish within ${timeoutMs} ms`);
  }
}
