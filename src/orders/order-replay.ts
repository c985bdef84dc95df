import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { DeadLetters, RedisStreamsClient, type ReplayHook } from '../transport/index.js';
import { orderIdIn } from './order-event.js';
import { orderKey } from './order-key.js';
import { outcomeOf, RECORD } from './order-record.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';
import { answerWithin } from './redis-answer.js';

/** Puts the record of an order back to `accepted`, in the same atomic step in which its dead letter is replayed. */
@Injectable()
export class OrderReplay implements OnModuleInit {
  constructor(
    private readonly deadLetters: DeadLetters,
    @Inject(ORDERS_CLIENT) private readonly client: RedisStreamsClient,
    @Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions,
  ) {}

  onModuleInit(): void {
    this.deadLetters.setReplayHook(this.reopen);
  }

  /** A duplicate of an order that ended otherwise leaves it as it is: only the dead letter that ended it reopens it. */
  private readonly reopen: ReplayHook = async (deadLetter, payload, writes, entryId) => {
    const orderId = orderIdIn(deadLetter.decoded?.payload);
    if (orderId === undefined || orderIdIn(payload) !== orderId) return;
    const key = orderKey(this.client, orderId);
    if ((await this.endedBy(key)) !== deadLetter.id) return;
    writes
      .hdel(key, RECORD.outcome, RECORD.deadLetterId, RECORD.failure)
      .hset(key, { [RECORD.entryId]: entryId, [RECORD.replays]: deadLetter.replays + 1 })
      .pexpire(key, this.options.orderTtlMs);
  };

  /** The dead letter that ended the order, if one did. */
  private async endedBy(key: string): Promise<string | undefined> {
    const redis = this.client.unwrap<Redis>();
    const read = redis.hmget(key, RECORD.outcome, RECORD.deadLetterId).catch((error: unknown) => {
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return [];
      throw error;
    });
    const [outcome, deadLetterId] = await answerWithin(read);
    return outcomeOf(outcome)?.state === 'dead-lettered' ? (deadLetterId ?? undefined) : undefined;
  }
}
