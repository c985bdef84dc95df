import type { ChainableCommander, Redis } from 'ioredis';
import type { RedisStreamsClient } from '../../../transport/index.js';
import { ORDERS_PATTERN, type OrdersOptions } from '../../orders-options.js';
import type { RecordFields } from './order-record.js';
import { answerWithin } from './redis-answer.js';

/** What the group's pending entries list says of one entry. */
export interface PendingEntry {
  /** Deliveries that the group has made; 0 when it is not pending. */
  readonly deliveries: number;
  /** Whether the entry waits for a retry. */
  readonly waiting: boolean;
}

/** The records of orders in Redis, and what Redis knows of their entries. */
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

  async entryIdOf(orderId: string): Promise<string | null> {
    return answerWithin(this.redis.hget(this.keyOf(orderId), 'entryId'));
  }

  async pending(entryId: string): Promise<PendingEntry> {
    const [row] = await this.run((multi) => this.askPending(multi, entryId));
    return pendingEntryOf(row);
  }

  /** In one transaction: between two reads a pending entry could end and its order seem to be neither. */
  async readWithPending(orderId: string, entryId: string): Promise<[RecordFields, PendingEntry]> {
    const [fields, row] = await this.run((multi) =>
      this.askPending(multi.hgetall(this.keyOf(orderId)), entryId),
    );
    return [fields as RecordFields, pendingEntryOf(row)];
  }

  async run(build: (multi: ChainableCommander) => ChainableCommander): Promise<unknown[]> {
    return repliesOf(await answerWithin(build(this.redis.multi()).exec()));
  }

  private askPending(multi: ChainableCommander, entryId: string): ChainableCommander {
    const stream = this.client.streamKey(ORDERS_PATTERN);
    return multi.xpending(stream, this.options.group, entryId, entryId, 1);
  }

  private get redis(): Redis {
    return this.client.unwrap<Redis>();
  }
}

/** A group that is gone has nothing pending; every other failure is one. */
function repliesOf(results: [Error | null, unknown][] | null): unknown[] {
  return (results ?? []).map(([error, reply]) => {
    if (error && !error.message.startsWith('NOGROUP')) throw error;
    return error ? undefined : reply;
  });
}

/** The consumer that has the entries of its group that wait for a retry. */
const WAITING_FOR_RETRY = '@retry';

/** What XPENDING says of one entry: id, consumer, idle time in milliseconds, deliveries. */
type PendingRow = readonly [string, string, number, number];

function pendingEntryOf(rows: unknown): PendingEntry {
  const [, consumer, , deliveries = 0] = ((rows ?? []) as PendingRow[])[0] ?? [];
  return { deliveries, waiting: consumer === WAITING_FOR_RETRY };
}
