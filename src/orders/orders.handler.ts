import { Controller, Logger } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { withLogFields } from '../service/logging/log-fields.js';
import { RedisStreamsContext } from '../transport/index.js';
import { OrderEventDto } from './dto/order-event.dto.js';
import { traceOf } from './order-event.js';
import { OrderEventPipe } from './order-pipes.js';
import { OrderProcessor } from './order-processor.js';
import type { OrderOutcome } from './order-state.js';
import { ORDERS_PATTERN } from './orders-options.js';
import { Effect } from './store/effect.js';
import { OrderStore, type OrderDelivery, type Standing } from './store/order-store.js';

/** Orders from the stream. */
@Controller()
export class OrdersHandler {
  private readonly logger = new Logger(OrdersHandler.name);

  constructor(
    private readonly processor: OrderProcessor,
    private readonly store: OrderStore,
  ) {}

  // The type argument picks the overload that lets the context have a type of its own.
  @EventPattern<typeof ORDERS_PATTERN>(ORDERS_PATTERN)
  async handle(
    @Payload(OrderEventPipe) order: OrderEventDto,
    @Ctx() context: RedisStreamsContext,
  ): Promise<void> {
    const headers = context.getHeaders();
    const delivery = {
      entryId: context.getEntryId(),
      attempts: context.getDeliveryCount(),
      replays: context.getReplays(),
    };
    const trace = traceOf(order.orderId, { ...delivery, retry: context.getRetry(), headers });
    await withLogFields(trace, () => this.settle(order, delivery, context));
  }

  private async settle(
    order: OrderEventDto,
    delivery: OrderDelivery,
    context: RedisStreamsContext,
  ): Promise<void> {
    this.logger.log('Order received', { consumer: context.getConsumer() });
    const standing = await this.store.open(order, delivery);
    const earlier = standing.is === 'ended' ? standing.outcome : await this.process(order, standing, context);
    if (!earlier) return;
    context.markDuplicate();
    this.logger.log('Duplicate of an order that has ended', { firstEntryId: earlier.entryId });
  }

  /** @returns the outcome of another entry that came first meanwhile, if one did */
  private async process(
    order: OrderEventDto,
    standing: Exclude<Standing, { is: 'ended' }>,
    context: RedisStreamsContext,
  ): Promise<OrderOutcome | undefined> {
    const effect = new Effect(context, order.orderId);
    if (standing.is === 'effective') return this.store.complete(order, standing.outcome, effect);
    await this.processor.process(order);
    const outcome: OrderOutcome = {
      state: 'processed',
      at: new Date().toISOString(),
      attempts: context.getDeliveryCount(),
      entryId: context.getEntryId(),
    };
    return this.store.complete(order, outcome, effect, standing);
  }
}
