import { Inject, Injectable } from '@nestjs/common';
import type { OrderEventDto } from './dto/order-event.dto.js';
import { OrderProcessor, type OrderDelivery, type OrderResult } from './order-processor.js';
import type { OrderOutcome } from './order-state.js';
import { OrderStore } from './order-store.js';
import { ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';

/** The failure that `FAIL_ORDER_PREFIX` asks for. */
export class DemonstrationFailure extends Error {
  override readonly name = 'DemonstrationFailure';
}

/** Processing an order means recording that it was processed. */
@Injectable()
export class RecordingOrderProcessor extends OrderProcessor {
  constructor(
    private readonly store: OrderStore,
    @Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions,
  ) {
    super();
  }

  async process(order: OrderEventDto, { entryId, attempts }: OrderDelivery): Promise<OrderResult> {
    const earlier = await this.store.open(order, entryId);
    if (earlier) return { first: false, outcome: earlier };
    this.failOnPurpose(order.orderId);
    const own: OrderOutcome = { state: 'processed', at: new Date().toISOString(), attempts, entryId };
    const outcome = await this.store.close(order.orderId, own);
    return { first: outcome === own, outcome };
  }

  private failOnPurpose(orderId: string): void {
    const { failOrderPrefix } = this.options;
    if (failOrderPrefix !== undefined && orderId.startsWith(failOrderPrefix)) {
      throw new DemonstrationFailure(`Order ids that begin with "${failOrderPrefix}" fail on purpose`);
    }
  }
}
