import { OrderStreamsError } from './order-streams.error.js';

/**
 * Redis answers, and the stream can take no entry until somebody mends it: its key holds something else, or its last id is
 * the largest that there is. Nothing was added.
 */
export class StreamUnusableError extends OrderStreamsError {
  readonly retriable = true;
}
