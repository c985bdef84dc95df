import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { ClientProxy } from '@nestjs/microservices';
import { RedisStreamsRecordBuilder } from 'order-streams';
import { lastValueFrom } from 'rxjs';
import { AwaitedOrders } from './awaited-orders.js';
import type { Order } from './order.js';

export const ORDERS = Symbol('ORDERS');

const MAX_IN_FLIGHT = 64;

/** How many orders reached Redis, and how many did not. */
export interface Sales {
  emitted: number;
  failed: number;
}

@Injectable()
export class Storefront {
  private readonly logger = new Logger('Storefront');

  constructor(
    @Inject(ORDERS) private readonly client: ClientProxy,
    private readonly awaited: AwaitedOrders,
  ) {}

  /** Emits every order, at most 64 at a time, and resolves when Redis has answered for the last one. */
  async sell(orders: AsyncIterable<Order>): Promise<Sales> {
    const sales: Sales = { emitted: 0, failed: 0 };
    const till = async () => {
      for await (const order of orders) {
        if (await this.emit(order)) sales.emitted += 1;
        else sales.failed += 1;
      }
    };
    await Promise.all(Array.from({ length: MAX_IN_FLIGHT }, till));
    return sales;
  }

  private async emit(order: Order): Promise<boolean> {
    const correlationId = randomUUID();
    const record = new RedisStreamsRecordBuilder(order)
      .setHeaders({ 'correlation-id': correlationId })
      .build();
    this.awaited.add(order.orderId);
    try {
      const entryId = await lastValueFrom(this.client.emit<string>('orders', record));
      this.logger.log(`Sent order ${order.orderId} as entry ${entryId}, correlation ${correlationId}`);
      return true;
    } catch (error) {
      this.awaited.remove(order.orderId);
      this.logger.error(`Order ${order.orderId} was not sent: ${String(error)}`);
      return false;
    }
  }
}
