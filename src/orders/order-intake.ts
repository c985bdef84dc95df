import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { addLogFields } from '../operations/logging/log-fields.js';
import { RedisStreamsClient, RedisStreamsRecordBuilder } from '../transport/index.js';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import type { PlaceOrderDto } from './dto/place-order.dto.js';
import { orderKey } from './order-key.js';
import { RECORD } from './order-record.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, ORDERS_PATTERN, type OrdersOptions } from './orders-options.js';

/** An order that Redis has. */
export interface PlacedOrder {
  orderId: string;
  /** Of its entry in the stream. */
  entryId: string;
}

/** Takes orders in: the order's record and its entry in the stream are written in one step, or not at all. */
@Injectable()
export class OrderIntake {
  private readonly logger = new Logger(OrderIntake.name);

  constructor(
    @Inject(ORDERS_CLIENT) private readonly client: RedisStreamsClient,
    @Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions,
  ) {}

  /**
   * @returns the id of the order, and that of its entry once Redis has it
   * @throws RedisUnavailableError when Redis did not take it in time
   */
  async place(body: PlaceOrderDto, correlationId: string): Promise<PlacedOrder> {
    const orderId = body.orderId ?? randomUUID();
    addLogFields({ orderId });
    const order = Object.assign(body, { orderId });
    const key = orderKey(this.client, orderId);
    const acceptedAt = new Date().toISOString();
    const record = new RedisStreamsRecordBuilder(order)
      .setHeaders({ [CORRELATION_ID_HEADER]: correlationId })
      .setWrites((tx, entryId) =>
        // A second order with this id is a duplicate, which leaves the record of the first as it is.
        tx
          .hsetnx(key, RECORD.payload, JSON.stringify(order))
          .hsetnx(key, RECORD.acceptedAt, acceptedAt)
          .hsetnx(key, RECORD.entryId, entryId)
          .pexpire(key, this.options.orderTtlMs),
      )
      .build();
    const entryId = await firstValueFrom(this.client.emit<string>(ORDERS_PATTERN, record));
    this.logger.log('Order sent', { orderId, entryId, retry: 0, correlationId });
    return { orderId, entryId };
  }
}
