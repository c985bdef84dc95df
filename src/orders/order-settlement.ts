import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { RedisStreamsClient, RedisStreamsServer, type SettlementHook } from '../transport/index.js';
import { describeError, orderIdIn } from './order-event.js';
import { orderKey } from './order-key.js';
import { RECORD, timeOfEntry } from './order-record.js';
import type { OrderFailure, OrderOutcome } from './order-state.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, ORDERS_PATTERN, type OrdersOptions } from './orders-options.js';

/** An error in the record of an order is for whoever asks; the dead letter has it whole. */
const MAX_ERROR_LENGTH = 500;

/**
 * Writes into the record of an order what became of a failed delivery, in the same atomic step in which its entry is
 * parked or dead-lettered.
 */
@Injectable()
export class OrderSettlement implements OnModuleInit {
  constructor(
    private readonly server: RedisStreamsServer,
    @Inject(ORDERS_CLIENT) private readonly client: RedisStreamsClient,
    @Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions,
  ) {}

  onModuleInit(): void {
    this.server.setSettlementHook(this.record);
  }

  private readonly record: SettlementHook = (event, next, writes, deadLetterId) => {
    const orderId = orderIdIn(event.payload);
    if (event.pattern !== ORDERS_PATTERN || orderId === undefined) return;
    const key = orderKey(this.client, orderId);
    const at = new Date().toISOString();
    const lastError = errorText(event.error);
    writes
      .hsetnx(key, RECORD.acceptedAt, timeOfEntry(event.entryId))
      .hsetnx(key, RECORD.entryId, event.entryId);
    if (next.action === 'retry') {
      const failure: OrderFailure = { at, error: lastError };
      writes.hset(key, { [RECORD.failure]: JSON.stringify(failure) });
    } else {
      const { deliveryCount: attempts, entryId } = event;
      const outcome: OrderOutcome = { state: 'dead-lettered', at, attempts, entryId, lastError };
      writes
        .hsetnx(key, RECORD.outcome, JSON.stringify(outcome))
        .hsetnx(key, RECORD.deadLetterId, deadLetterId)
        .hdel(key, RECORD.failure);
    }
    const delayMs = next.action === 'retry' ? next.delayMs : 0;
    writes.pexpire(key, this.options.orderTtlMs + Math.ceil(delayMs));
  };
}

function errorText(error: unknown): string {
  const described = describeError(error);
  return `${described.error}: ${described.reason}`.slice(0, MAX_ERROR_LENGTH);
}
