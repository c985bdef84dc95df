import { OrderStreamsError } from './order-streams.error.js';

/** Every process that was given the entry ended without settling it, the last one while it handled nothing else. */
export class AbandonedEntryError extends OrderStreamsError {
  readonly retriable = false;

  constructor(deliveryCount: number) {
    super(
      `Delivered ${deliveryCount} times and abandoned each time, at last while it ran alone in its process`,
    );
  }
}
