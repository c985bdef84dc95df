import type { ChainableCommander, Redis } from 'ioredis';
import { StreamInspector, type RedisStreamsClient } from '../../../transport/index.js';
import { ORDERS_PATTERN, type OrdersOptions } from '../../orders-options.js';
import type { RecordFields } from './order-record.js';
import { answerWithin } from './redis-answer.js';

/** What is pending of an order's entry. */
export interface PendingEntry {
  /** Deliveries that the group has made; 0 when it is not pending. */
  readonly deliveries: number;
  /** Whether the entry waits for a retry. */
  readonly waiting: boolean;
}

export const NOTHING_PENDING: PendingEntry = { deliveries: 0, waiting: false };

/** The records of orders in Redis, and what the transport knows of their entries. */
export class OrderRecords {
  constructor(
    private readonly client: RedisStreamsClient,
    private readonly options: Pick<OrdersOptions, 'group' | 'orderTtlMs'>,
  ) {}

  get ttlMs(): number {
    return this.options.orderTtlMs;
  }

  /** The key of the record of an order, in the hash slot of the stream. */
  keyOf(orderId: string): string {
    return this.client.helperKey(ORDERS_PATTERN, 'order', orderId);
  }

  async read(orderId: string): Promise<RecordFields> {
    return answerWithin(this.redis.hgetall(this.keyOf(orderId)));
  }

  async pending(entryId: string): Promise<PendingEntry> {
    const stream = this.client.streamKey(ORDERS_PATTERN);
    const place = await answerWithin(
      new StreamInspector(this.redis).locate(stream, this.options.group, entryId),
    );
    if (place.state !== 'pending' && place.state !== 'waiting') return NOTHING_PENDING;
    return { deliveries: place.deliveryCount, waiting: place.state === 'waiting' };
  }

  async run(build: (multi: ChainableCommander) => ChainableCommander): Promise<unknown[]> {
    return repliesOf(await answerWithin(build(this.redis.multi()).exec()));
  }

  private get redis(): Redis {
    return this.client.unwrap<Redis>();
  }
}

function repliesOf(results: [Error | null, unknown][] | null): unknown[] {
  return (results ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}
