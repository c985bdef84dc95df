import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import {
  RedisStreamsServer,
  type DeliveryEvent,
  type Headers,
  type ReclaimedEvent,
} from '../transport/index.js';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import { describeError, orderIdIn } from './order-event.js';
import { ReclaimedOrders, type OrderNames } from './reclaimed-orders.js';

/**
 * Logs what the transport does with orders beside giving them to the handler, so that an order can be followed by its
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
      reclaimed.received(entryId, namesOf(payload, headers)),
    );
    server.on('processed', ({ entryId }) => reclaimed.ended(entryId));
    server.on('failed', (event) => {
      reclaimed.ended(event.entryId);
      logger.warn('Order failed', { ...traceOf(event), ...describeError(event.error) });
    });
    server.on('retry-scheduled', (event) =>
      logger.log('Order retry scheduled', {
        ...traceOf(event),
        nextRetry: event.retry + 1,
        delayMs: Math.round(event.delayMs),
      }),
    );
    server.on('dead-lettered', (event) =>
      logger.error('Order dead-lettered', {
        ...traceOf(event),
        deadLetterReason: event.reason,
        deadLetterId: event.deadLetterId,
        ...describeError(event.error),
      }),
    );
    server.on('reclaimed', (event: ReclaimedEvent) => reclaimed.reclaimed(event));
  }
}

function traceOf({ payload, entryId, retry, headers, stream }: DeliveryEvent): Record<string, unknown> {
  return { ...namesOf(payload, headers), entryId, retry, stream };
}

function namesOf(payload: unknown, headers: Headers): OrderNames {
  const correlationId = headers[CORRELATION_ID_HEADER];
  return { orderId: orderIdIn(payload), ...(correlationId !== undefined && { correlationId }) };
}
