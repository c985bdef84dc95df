import { Inject, Injectable } from '@nestjs/common';
import type { OrderEventDto } from './dto/order-event.dto.js';
import { ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';

/** What the service does with an order before it counts as processed. It may be given an order more than once. */
export abstract class OrderProcessor {
  /** Rejects when the order could not be processed; it is then retried or dead-lettered, as the error says. */
  abstract process(order: OrderEventDto): Promise<void>;
}

/** The failure that `FAIL_ORDER_PREFIX` asks for. */
export class DemonstrationFailure extends Error {
  override readonly name = 'DemonstrationFailure';
}

/** Here an order's whole effect is the record of it, which the store writes; it can be made to fail on purpose. */
@Injectable()
export class DemonstrationProcessor extends OrderProcessor {
  constructor(@Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions) {
    super();
  }

  process({ orderId }: OrderEventDto): Promise<void> {
    const { failOrderPrefix } = this.options;
    if (failOrderPrefix === undefined || !orderId.startsWith(failOrderPrefix)) return Promise.resolve();
    return Promise.reject(
      new DemonstrationFailure(`Order ids that begin with "${failOrderPrefix}" fail on purpose`),
    );
  }
}
