import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { RedisStreamsClient, RedisStreamsRecordBuilder } from '../transport/index.js';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import type { PlaceOrderDto } from './dto/place-order.dto.js';
import { ORDERS_CLIENT, ORDERS_PATTERN } from './orders-options.js';
import { OrderStore, type SendOrder } from './store/order-store.js';

/** An order whose entry Redis has. */
export interface PlacedOrder {
  orderId: string;
  /** Of its entry in the stream. */
  entryId: string;
}

/** Takes orders in: gives each to the store, and its entry to the stream. */
@Injectable()
export class OrderIntake {
  private readonly logger = new Logger(OrderIntake.name);

  constructor(
    @Inject(ORDERS_CLIENT) private readonly client: RedisStreamsClient,
    private readonly store: OrderStore,
  ) {}

  /**
   * @returns the id of the order, and that of its entry once Redis has it
   * @throws RedisUnavailableError when Redis did not take it in time, StoreUnavailableError when the database did not;
   * the same order can be placed again then
   */
  async place(body: PlaceOrderDto, correlationId: string): Promise<PlacedOrder> {
    const orderId = body.orderId ?? randomUUID();
    const order = Object.assign(body, { orderId });
    const send: SendOrder = (collect) => {
      const record = new RedisStreamsRecordBuilder(order).setHeaders({
        [CORRELATION_ID_HEADER]: correlationId,
      });
      if (collect) record.setWrites(collect);
      return firstValueFrom(this.client.emit<string>(ORDERS_PATTERN, record.build()));
    };
    const entryId = await this.store.accept(order, new Date().toISOString(), send);
    this.logger.log('Order sent', { orderId, entryId, retry: 0, correlationId });
    return { orderId, entryId };
  }
}
