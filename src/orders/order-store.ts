import type { OrderEventDto } from './dto/order-event.dto.js';
import type { OrderOutcome, OrderSnapshot } from './order-state.js';

/** Where orders are kept. */
export abstract class OrderStore {
  /**
   * Notes that an entry brought this order, unless that is known already.
   *
   * @returns how the order ended, if it has ended before
   */
  abstract open(order: OrderEventDto, entryId: string): Promise<OrderOutcome | undefined>;

  /**
   * Notes how the order ended, unless it has ended before.
   *
   * @returns the outcome that holds: this one, or the earlier one
   */
  abstract close(orderId: string, outcome: OrderOutcome): Promise<OrderOutcome>;

  /** Everything that is known of an order, read at one instant. */
  abstract find(orderId: string): Promise<OrderSnapshot | undefined>;
}
