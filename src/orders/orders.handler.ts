import { Controller, Logger } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { withLogFields } from '../operations/logging/log-fields.js';
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
    const correlationId = context.getHeaders()[CORRELATION_ID_HEADER];
    const trace = {
      orderId: order.orderId,
      entryId: context.getEntryId(),
      retry: context.getRetry(),
      ...(correlationId !== undefined && { correlationId }),
    };
    await withLogFields(trace, () => this.process(order, context));
  }

  private async process(order: OrderEventDto, context: RedisStreamsContext): Promise<void> {
    this.logger.log('Order received', { consumer: context.getConsumer() });
    const start = performance.now();
    const { first, outcome } = await this.processor.process(order, {
      entryId: context.getEntryId(),
      attempts: context.getDeliveryCount(),
    });
    const durationMs = Math.round(performance.now() - start);
    if (first) this.logger.log('Order processed', { durationMs });
    else this.logger.log('Duplicate of an order that has ended', { firstEntryId: outcome.entryId });
  }
}
