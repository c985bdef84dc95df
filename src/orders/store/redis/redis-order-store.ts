import type { DeadLetterVerdict, FailedEvent, NextStep, SettlementWrites } from '../../../transport/index.js';
import type { OrderEventDto } from '../../dto/order-event.dto.js';
import type { OrderOutcome, OrderSnapshot } from '../../order-state.js';
import type { Effect } from '../effect.js';
import {
  OrderStore,
  type NewEntryId,
  type OrderDelivery,
  type SendOrder,
  type Standing,
} from '../order-store.js';
import { deadLetteredBy, keptFor, writeFailure } from './failure-writes.js';
import { failureOf, outcomeOf, RECORD, replaysOf, timeOfEntry } from './order-record.js';
import type { OrderRecords } from './order-records.js';

/**
 * Keeps each order in a hash beside the stream, see {@link RECORD}. Whatever ends an order is written in the step that
 * settles its entry, and only where the order has not ended: so Redis alone decides.
 */
export class RedisOrderStore extends OrderStore {
  readonly ready = Promise.resolve();
  readonly isReady = true;

  constructor(private readonly records: OrderRecords) {
    super();
  }

  accept(order: OrderEventDto, acceptedAt: string, send: SendOrder): Promise<string> {
    const { records } = this;
    const key = records.keyOf(order.orderId);
    // A second order with this id is a duplicate, which leaves the record of the first as it is.
    return send((writes, entryId) =>
      writes
        .hsetnx(key, RECORD.payload, JSON.stringify(order))
        .hsetnx(key, RECORD.acceptedAt, acceptedAt)
        .hsetnx(key, RECORD.entryId, entryId)
        .pexpire(key, records.ttlMs),
    );
  }

  async open(order: OrderEventDto, { entryId, replays }: OrderDelivery): Promise<Standing> {
    const { records } = this;
    const key = records.keyOf(order.orderId);
    const [text] = await records.run((multi) =>
      multi
        .hget(key, RECORD.outcome)
        .hsetnx(key, RECORD.payload, JSON.stringify(order))
        .hsetnx(key, RECORD.acceptedAt, timeOfEntry(entryId))
        .hsetnx(key, RECORD.entryId, entryId)
        .pexpire(key, records.ttlMs),
    );
    const outcome = outcomeOf(text as string | null);
    // An outcome by this very entry was committed with its acknowledgement: nothing is left to do here either.
    return outcome ? { is: 'ended', outcome } : { is: 'open', replays };
  }

  complete(order: OrderEventDto, outcome: OrderOutcome, effect: Effect): Promise<undefined> {
    const key = this.records.keyOf(order.orderId);
    effect.commit(outcome, (tx) =>
      tx
        .onlyIfAbsent(key, RECORD.outcome)
        .hset(key, { [RECORD.outcome]: JSON.stringify(outcome) })
        .hdel(key, RECORD.failure)
        .pexpire(key, this.records.ttlMs),
    );
    return Promise.resolve(undefined);
  }

  /** The step that dead-letters looks at the outcome itself. */
  judge(): Promise<DeadLetterVerdict> {
    return Promise.resolve('dead-letter');
  }

  recordFailure(
    orderId: string,
    event: FailedEvent,
    next: NextStep,
    writes: SettlementWrites,
    deadLetterId: NewEntryId,
  ): void {
    const key = this.records.keyOf(orderId);
    writes.onlyIfAbsent(key, RECORD.outcome);
    writeFailure(writes, key, event, next, deadLetterId);
    if (next.action === 'dead-letter') {
      writes.hset(key, { [RECORD.outcome]: JSON.stringify(deadLetteredBy(event)) });
    }
    writes.pexpire(key, keptFor(this.records.ttlMs, next));
  }

  async find(orderId: string): Promise<OrderSnapshot | undefined> {
    const entryId = await this.records.entryIdOf(orderId);
    if (!entryId) return undefined;
    const [fields, pending] = await this.records.readWithPending(orderId, entryId);
    const { acceptedAt, deadLetterId } = fields;
    if (!acceptedAt) return undefined;
    const failure = failureOf(fields.failure);
    const outcome = outcomeOf(fields.outcome);
    return {
      ...{ orderId, entryId, acceptedAt, ...pending },
      replays: replaysOf(fields),
      ...(failure && { failure }),
      ...(outcome && { outcome }),
      ...(deadLetterId && { deadLetterId }),
    };
  }

  check(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
