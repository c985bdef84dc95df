import { Controller, Logger } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { RedisStreamsContext } from '../transport/index.js';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import { OrderEventDto } from './dto/order-event.dto.js';
import { OrderEventPipe } from './order-pipes.js';
import { OrderProcessor } from './order-processor.js';
import { ORDERS_PATTERN } from './orders-options.js';

/** Orders from the stream. */
@Controller()
export class OrdersHandler {
  private readonly logger = new Logger(OrdersHandler.name);

  constructor(private readonly processor: OrderProcessor) {}

  // The type argument picks the overload that lets the context have a type of its own.
  @EventPattern<typeof ORDERS_PATTERN>(ORDERS_PATTERN)
  async handle(
    @Payload(OrderEventPipe) order: OrderEventDto,
    @Ctx() context: RedisStreamsContext,
  ): Promise<void> {
    const { orderId } = order;
    const entryId = context.getEntryId();
    const correlationId = context.getHeaders()[CORRELATION_ID_HEADER];
    const trace = {
      orderId,
      entryId,
      retry: context.getRetry(),
      ...(correlationId !== undefined && { correlationId }),
    };
    this.logger.log('Order received', { ...trace, consumer: context.getConsumer() });
    const start = performance.now();
    const { first, outcome } = await this.processor.process(order, {
      entryId,
      attempts: context.getDeliveryCount(),
    });
    const durationMs = Math.round(performance.now() - start);
    if (first) this.logger.log('Order processed', { ...trace, durationMs });
    else this.logger.log('Duplicate of an order that has ended', { ...trace, firstEntryId: outcome.entryId });
  }
}
