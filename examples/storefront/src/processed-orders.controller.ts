import { Controller, Logger } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { AwaitedOrders } from './awaited-orders.js';

/** What the order service says of an order that it has processed. */
interface OrderProcessed {
  orderId: string;
  entryId: string;
  attempts: number;
  processedAt: string;
}

/** Shows which orders were processed. */
@Controller()
export class ProcessedOrdersController {
  private readonly logger = new Logger('Storefront');

  constructor(private readonly awaited: AwaitedOrders) {}

  // Delivery is at least once: what is reported twice is shown once.
  @EventPattern<string>('orders.processed')
  show(@Payload() { orderId, attempts }: OrderProcessed): void {
    if (!this.awaited.processed(orderId)) return;
    this.logger.log(`Order ${orderId} was processed at attempt ${attempts}`);
  }
}
