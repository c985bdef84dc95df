import type { OrderEventDto } from './dto/order-event.dto.js';
import type { OrderOutcome } from './order-state.js';

/** One delivery of an order. */
export interface OrderDelivery {
  readonly entryId: string;
  /** How often a handler has been given this entry, this time included. */
  readonly attempts: number;
}

export interface OrderResult {
  /** False when the order had ended before, so that this delivery changed nothing. */
  readonly first: boolean;
  readonly outcome: OrderOutcome;
}

/** What the service does with an order. It may be given an order more than once, and must take effect once. */
export abstract class OrderProcessor {
  /** Rejects when the order could not be processed; it is then retried or dead-lettered, as the error says. */
  abstract process(order: OrderEventDto, delivery: OrderDelivery): Promise<OrderResult>;
}
