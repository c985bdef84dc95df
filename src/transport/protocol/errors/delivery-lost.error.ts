import { OrderStreamsError } from './order-streams.error.js';

/** The abort reason of a handler whose entry was delivered to another process meanwhile. */
export class DeliveryLostError extends OrderStreamsError {
  readonly retriable = false;

  constructor(readonly entryId: string) {
    super(`Entry ${entryId} belongs to another consumer by now; what this handler does no longer counts`);
  }
}
