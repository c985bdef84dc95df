import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import {
  DeadLetters,
  RedisStreamsClient,
  RedisUnavailableError,
  type ReplayHook,
} from '../transport/index.js';
import { orderIdIn } from './order-event.js';
import { OrderIdConflictError } from './order-id-conflict.error.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';
import { RECORD, replaysOf, timeOfEntry, type RecordFields } from './store/redis/order-record.js';
import { OrderRecords } from './store/redis/order-records.js';

/** Puts an order back to `accepted`, in the same atomic step in which its dead letter is replayed. */
@Injectable()
export class OrderReplay implements OnModuleInit {
  private readonly records: OrderRecords;

  constructor(
    private readonly deadLetters: DeadLetters,
    @Inject(ORDERS_CLIENT) client: RedisStreamsClient,
    @Inject(ORDERS_OPTIONS) options: OrdersOptions,
  ) {
    this.records = new OrderRecords(client, options);
  }

  onModuleInit(): void {
    this.deadLetters.setReplayHook(this.reopen);
  }

  /** A duplicate of an order that ended otherwise leaves it as it is: only the dead letter that ended it reopens it. */
  private readonly reopen: ReplayHook = async (deadLetter, payload, writes, entryId) => {
    const orderId = orderIdIn(deadLetter.decoded?.payload);
    if (orderId === undefined || orderIdIn(payload) !== orderId) return;
    // What came under another order's id never was that order.
    if (deadLetter.exception.name === OrderIdConflictError.name) return;
    const record = await this.recordEndedBy(deadLetter.id, orderId);
    if (!record) return;
    const key = this.records.keyOf(orderId);
    // With another payload it is another order from here on: the operator says so.
    const edited = payload === deadLetter.decoded?.payload ? [] : [RECORD.content, RECORD.payload];
    // A letter of an earlier build, or one that was copied, does not say how often its order was replayed.
    const replays = Math.max(replaysOf(record), deadLetter.replays) + 1;
    writes
      .hdel(key, RECORD.outcome, RECORD.deadLetterId, RECORD.failure, ...edited)
      .hsetnx(key, RECORD.acceptedAt, timeOfEntry(deadLetter.originalId))
      .hset(key, { [RECORD.entryId]: entryId, [RECORD.replays]: replays })
      .pexpire(key, this.records.ttlMs);
  };

  /** What is known of the order, if anything; undefined when another dead letter ended it, or none. */
  private async recordEndedBy(deadLetterId: string, orderId: string): Promise<RecordFields | undefined> {
    try {
      const record = await this.records.read(orderId);
      return Object.keys(record).length === 0 || record.deadLetterId === deadLetterId ? record : undefined;
    } catch (error) {
      // Something else stands where the record was: there is no order to reopen.
      const cause = error instanceof RedisUnavailableError ? error.cause : undefined;
      if (cause instanceof Error && cause.message.startsWith('WRONGTYPE')) return undefined;
      throw error;
    }
  }
}
