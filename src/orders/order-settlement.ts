import { Injectable, type OnModuleInit } from '@nestjs/common';
import {
  RedisStreamsServer,
  type DeadLetterArbiter,
  type DeadLetterReason,
  type FailedEvent,
  type SettlementHook,
} from '../transport/index.js';
import { InvalidOrderError } from './invalid-order.error.js';
import { contentOf } from './order-content.js';
import { orderIdIn } from './order-event.js';
import { OrderIdConflictError } from './order-id-conflict.error.js';
import { ORDERS_PATTERN } from './orders-options.js';
import { OrderStore } from './store/order-store.js';

/** Lets the store take part when an entry is parked or dead-lettered. */
@Injectable()
export class OrderSettlement implements OnModuleInit {
  constructor(
    private readonly server: RedisStreamsServer,
    private readonly store: OrderStore,
  ) {}

  onModuleInit(): void {
    this.server.setSettlementHook(this.record);
    this.server.setDeadLetterArbiter(this.judge);
  }

  private readonly record: SettlementHook = (event, next, writes, deadLetterId) => {
    const orderId = orderOf(event, next.action === 'dead-letter' ? next.reason : undefined);
    if (orderId !== undefined) this.store.recordFailure(orderId, event, next, writes, deadLetterId);
  };

  private readonly judge: DeadLetterArbiter = (event, reason) => {
    const orderId = orderOf(event, reason);
    return orderId === undefined ? Promise.resolve('dead-letter') : this.store.judge(orderId, event, reason);
  };
}

/**
 * The order that an entry brought. An entry that is not valid never was that order, whatever id it carries: it cannot
 * end an order that somebody else sent under that id. Nor can one that brought another order under it.
 */
function orderOf({ pattern, payload, error }: FailedEvent, reason?: DeadLetterReason): string | undefined {
  if (pattern !== ORDERS_PATTERN || reason === 'malformed') return undefined;
  if (error instanceof InvalidOrderError || error instanceof OrderIdConflictError) return undefined;
  return contentOf(payload) === undefined ? undefined : orderIdIn(payload);
}
