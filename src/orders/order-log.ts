import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { RedisStreamsServer, type DeliveryEvent, type ReclaimedEvent } from '../transport/index.js';
import { describeError, namesOf, orderIdIn, traceOf } from './order-event.js';
import { ReclaimedOrders } from './reclaimed-orders.js';

/**
 * Logs what the transport does with orders in addition to giving them to the handler, so that an order can be followed by its
 * id; those that the handler never sees, because they are not valid, included.
 */
@Injectable()
export class OrderLog implements OnModuleInit {
  private readonly logger = new Logger(OrderLog.name);
  private readonly reclaimed = new ReclaimedOrders((trace) => this.logger.warn('Order reclaimed', trace));

  constructor(private readonly server: RedisStreamsServer) {}

  onModuleInit(): void {
    const { server, logger, reclaimed } = this;
    server.on('received', ({ entryId, payload, headers }) =>
      reclaimed.received(entryId, namesOf(orderIdIn(payload), headers)),
    );
    server.on('processed', (event) => {
      reclaimed.ended(event.entryId);
      logger.log('Order processed', {
        ...traceOf(orderIdIn(event.payload), event),
        durationMs: Math.round(event.durationMs),
      });
    });
    server.on('duplicate', ({ entryId }) => reclaimed.ended(entryId));
    server.on('failed', (event) => {
      reclaimed.ended(event.entryId);
      logger.warn('Order failed', { ...traceOfEvent(event), ...describeError(event.error) });
    });
    server.on('retry-scheduled', (event) =>
      logger.log('Order retry scheduled', {
        ...traceOfEvent(event),
        nextRetry: event.retry + 1,
        delayMs: Math.round(event.delayMs),
      }),
    );
    server.on('put-off', (event) =>
      logger.log('Order put off', { ...traceOfEvent(event), delayMs: Math.round(event.delayMs) }),
    );
    server.on('dead-lettered', (event) =>
      logger.error('Order dead-lettered', {
        ...traceOfEvent(event),
        deadLetterReason: event.reason,
        deadLetterId: event.deadLetterId,
        ...describeError(event.error),
      }),
    );
    server.on('reclaimed', (event: ReclaimedEvent) => reclaimed.reclaimed(event));
  }
}

function traceOfEvent(event: DeliveryEvent): Record<string, unknown> {
  return { ...traceOf(orderIdIn(event.payload), event), stream: event.stream };
}
