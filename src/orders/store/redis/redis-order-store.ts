import type { ChainableCommander } from 'ioredis';
import {
  ContradictedWritesError,
  type DeadLetter,
  type DeadLetterVerdict,
  type FailedEvent,
  type NextStep,
  type SettlementWrites,
  type StreamWrites,
} from '../../../transport/index.js';
import type { OrderEventDto } from '../../dto/order-event.dto.js';
import { contentOf } from '../../order-content.js';
import { OrderIdConflictError } from '../../order-id-conflict.error.js';
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
import { failureOf, outcomeOf, RECORD, replaysOf, timeOfEntry, type RecordFields } from './order-record.js';
import { NOTHING_PENDING, type OrderRecords, type PendingEntry } from './order-records.js';
import { reopenRecord } from './reopen-record.js';

/** An order that changes at each look is shown as it was at the last two. */
const MOST_LOOKS = 5;

/**
 * Keeps each order in a hash next to the stream, see {@link RECORD}. Whatever ends an order is written in the step that
 * settles its entry, and only where the order has not ended: so Redis alone decides.
 */
export class RedisOrderStore extends OrderStore {
  readonly ready = Promise.resolve();
  readonly isReady = true;

  constructor(private readonly records: OrderRecords) {
    super();
  }

  async accept(order: OrderEventDto, acceptedAt: string, send: SendOrder): Promise<string> {
    const { records } = this;
    const key = records.keyOf(order.orderId);
    const content = contentOf(order) ?? '';
    try {
      // A second order with this id is a duplicate, which leaves the record of the first as it is.
      return await send((writes, entryId) =>
        writes
          .onlyIfSame(key, RECORD.content, content)
          .hsetnx(key, RECORD.payload, JSON.stringify(order))
          .hsetnx(key, RECORD.content, content)
          .hsetnx(key, RECORD.acceptedAt, acceptedAt)
          .hsetnx(key, RECORD.entryId, entryId)
          .pexpire(key, records.ttlMs),
      );
    } catch (error) {
      throw error instanceof ContradictedWritesError ? new OrderIdConflictError() : error;
    }
  }

  async open(order: OrderEventDto, { entryId, attempts, replays }: OrderDelivery): Promise<Standing> {
    const { records } = this;
    const key = records.keyOf(order.orderId);
    const content = contentOf(order) ?? '';
    let known = await this.known(key);
    // The content is noted with the entry that brings it, and the payload too, which one that failed before it came here
    // does not leave. Of a record without content nothing is known.
    const mayLack = known.content === null || attempts > 1;
    if (mayLack && (known.entryId === null || known.entryId === entryId)) {
      known = await this.known(key, (multi) =>
        multi
          .hsetnx(key, RECORD.payload, JSON.stringify(order))
          .hsetnx(key, RECORD.content, content)
          .hsetnx(key, RECORD.acceptedAt, timeOfEntry(entryId))
          .hsetnx(key, RECORD.entryId, entryId),
      );
    }
    if (known.content !== null && known.content !== content) throw new OrderIdConflictError();
    const outcome = outcomeOf(known.outcome);
    // An outcome by this very entry was committed with its acknowledgement: nothing is left to do here either.
    return outcome ? { is: 'ended', outcome } : { is: 'open', replays };
  }

  /** What the record says, after what is written before in the same transaction. */
  private async known(
    key: string,
    write: (multi: ChainableCommander) => ChainableCommander = (multi) => multi,
  ): Promise<Record<'outcome' | 'content' | 'entryId', string | null>> {
    const { records } = this;
    const replies = await records.run((multi) =>
      write(multi).pexpire(key, records.ttlMs).hmget(key, RECORD.outcome, RECORD.content, RECORD.entryId),
    );
    const [outcome = null, content = null, entryId = null] = replies.at(-1) as (string | null)[];
    return { outcome, content, entryId };
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
    // An entry that brought another order ends by itself.
    writes.onlyIfSame(key, RECORD.content, contentOf(event.payload) ?? '').onlyIfAbsent(key, RECORD.outcome);
    writeFailure(writes, key, event, next, deadLetterId);
    if (next.action === 'dead-letter') {
      writes.hset(key, { [RECORD.outcome]: JSON.stringify(deadLetteredBy(event)) });
    }
    writes.pexpire(key, keptFor(this.records.ttlMs, next));
  }

  async find(orderId: string): Promise<OrderSnapshot | undefined> {
    let fields = await this.records.read(orderId);
    for (let looks = 1; ; looks += 1) {
      const { entryId } = fields;
      if (entryId === undefined || fields.outcome !== undefined) return snapshotOf(orderId, fields);
      const pending = await this.records.pending(entryId);
      // The record comes last: when the entry is not pending any more, the record has how it ended.
      const after = await this.records.read(orderId);
      const isOfOneMoment = after.entryId === entryId && after.failure === fields.failure;
      if (isOfOneMoment || looks === MOST_LOOKS) return snapshotOf(orderId, after, pending);
      fields = after;
    }
  }

  reopen(
    deadLetter: DeadLetter,
    orderId: string,
    isEdited: boolean,
    writes: StreamWrites,
    entryId: NewEntryId,
  ): Promise<void> {
    return reopenRecord(this.records, deadLetter, orderId, isEdited, writes, entryId);
  }

  check(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function snapshotOf(
  orderId: string,
  fields: RecordFields,
  pending: PendingEntry = NOTHING_PENDING,
): OrderSnapshot | undefined {
  const { entryId, acceptedAt, deadLetterId } = fields;
  if (!entryId || !acceptedAt) return undefined;
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
