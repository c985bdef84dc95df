import { Inject, Injectable } from '@nestjs/common';
import type { ChainableCommander, Redis } from 'ioredis';
import { RedisStreamsClient } from '../transport/index.js';
import type { OrderEventDto } from './dto/order-event.dto.js';
import { orderKey } from './order-key.js';
import { failureOf, outcomeOf, RECORD, timeOfEntry, type RecordFields } from './order-record.js';
import type { OrderOutcome, OrderSnapshot } from './order-state.js';
import { OrderStore } from './order-store.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, ORDERS_PATTERN, type OrdersOptions } from './orders-options.js';
import { answerWithin } from './redis-answer.js';

/** Keeps each order in a hash beside the stream, see {@link RECORD}. */
@Injectable()
export class RedisOrderStore extends OrderStore {
  constructor(
    @Inject(ORDERS_CLIENT) private readonly client: RedisStreamsClient,
    @Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions,
  ) {
    super();
  }

  async open(order: OrderEventDto, entryId: string): Promise<OrderOutcome | undefined> {
    const key = this.keyOf(order.orderId);
    const replies = await this.run((multi) =>
      multi
        .hget(key, RECORD.outcome)
        .hsetnx(key, RECORD.payload, JSON.stringify(order))
        .hsetnx(key, RECORD.acceptedAt, timeOfEntry(entryId))
        .hsetnx(key, RECORD.entryId, entryId)
        .pexpire(key, this.options.orderTtlMs),
    );
    return outcomeOf(replies[0] as string | null);
  }

  async close(orderId: string, outcome: OrderOutcome): Promise<OrderOutcome> {
    const key = this.keyOf(orderId);
    const text = JSON.stringify(outcome);
    const replies = await this.run((multi) =>
      multi
        .hsetnx(key, RECORD.outcome, text)
        .hget(key, RECORD.outcome)
        .hdel(key, RECORD.failure)
        .pexpire(key, this.options.orderTtlMs),
    );
    // Compared by content, since the repeat of a write whose answer was lost finds its own outcome there.
    return replies[1] === text ? outcome : (outcomeOf(replies[1] as string | null) ?? outcome);
  }

  async find(orderId: string): Promise<OrderSnapshot | undefined> {
    const key = this.keyOf(orderId);
    const entryId = await answerWithin(this.redis().hget(key, RECORD.entryId));
    if (!entryId) return undefined;
    const { group } = this.options;
    // In one transaction: between two reads a pending entry could end and its order seem to be neither.
    const [fields, pending] = await this.run((multi) =>
      multi.hgetall(key).xpending(this.client.streamKey(ORDERS_PATTERN), group, entryId, entryId, 1),
    );
    return snapshotOf(orderId, fields as RecordFields, pending);
  }

  private async run(build: (multi: ChainableCommander) => ChainableCommander): Promise<unknown[]> {
    return repliesOf(await answerWithin(build(this.redis().multi()).exec()));
  }

  private redis(): Redis {
    return this.client.unwrap<Redis>();
  }

  private keyOf(orderId: string): string {
    return orderKey(this.client, orderId);
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

function snapshotOf(orderId: string, fields: RecordFields, pending: unknown): OrderSnapshot | undefined {
  const { entryId, acceptedAt, deadLetterId, replays } = fields;
  if (!entryId || !acceptedAt) return undefined;
  const failure = failureOf(fields.failure);
  const outcome = outcomeOf(fields.outcome);
  const [, consumer, , deliveries = 0] = ((pending ?? []) as PendingRow[])[0] ?? [];
  return {
    orderId,
    entryId,
    acceptedAt,
    deliveries,
    waiting: consumer === WAITING_FOR_RETRY,
    ...(failure && { failure }),
    ...(outcome && { outcome }),
    ...(deadLetterId && { deadLetterId }),
    ...(replays && { replays: Number(replays) }),
  };
}
