import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import type {
  DeadLetter,
  DeadLetterReason,
  DeadLetterVerdict,
  FailedEvent,
  NextStep,
  SettlementWrites,
  StreamWrites,
} from '../../../transport/index.js';
import type { StoreProblem } from '../../../operations/health/store-check.js';
import type { OrderEventDto } from '../../dto/order-event.dto.js';
import { contentOf } from '../../order-content.js';
import { OrderIdConflictError } from '../../order-id-conflict.error.js';
import type { OrderOutcome, OrderSnapshot } from '../../order-state.js';
import type { Effect } from '../effect.js';
import {
  OrderStore,
  type NewEntryId,
  type OpenStanding,
  type OrderDelivery,
  type SendOrder,
  type Standing,
} from '../order-store.js';
import { deadLetteredBy, keptFor, writeFailure } from '../redis/failure-writes.js';
import { failureOfEntry, timeOfEntry } from '../redis/order-record.js';
import type { OrderRecords } from '../redis/order-records.js';
import { reopenRecord } from '../redis/reopen-record.js';
import { StoreUnavailableError } from '../../../operations/http/store-unavailable.error.js';
import { asked } from './asked.js';
import { closeDatabase } from './database.js';
import type { DatabaseStart } from './database-start.js';
import { EndedOrderError } from './ended-order.error.js';
import { OrderRows, type IncomingOrder, type OrderRow } from './order-rows.js';
import { entryIdOf, outcomeOfRow, snapshotOf, wasReplayed } from './row-views.js';
import { RowPruning } from './row-pruning.js';
import type { OrdersDatabase } from './schema.js';

/**
 * Keeps each order in a row. The row decides how an order ends, whoever asks: a handler that lets it take effect, and
 * whoever is about to dead-letter its entry. Redis has what concerns the entry alone: the last failure, the dead letter.
 */
export class PostgresOrderStore extends OrderStore implements OnApplicationShutdown {
  readonly ready: Promise<void>;
  private readonly logger = new Logger(PostgresOrderStore.name);
  private readonly rows: OrderRows;
  private pruning: RowPruning | undefined;
  /** Failures of entries about to be dead-lettered that brought another order than the one that has their id. */
  private readonly others = new WeakSet<FailedEvent>();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly db: Kysely<OrdersDatabase>,
    stream: string,
    private readonly records: OrderRecords,
    private readonly start: DatabaseStart,
  ) {
    super();
    this.rows = new OrderRows(db, stream);
    this.ready = start.ready;
    void start.ready.then(() => {
      if (!this.closing) this.pruning = new RowPruning(this.rows, records.ttlMs, this.logger);
    });
  }

  get isReady(): boolean {
    return this.start.isReady;
  }

  /** Two systems cannot be written in one step: first the row, which alone means nothing, then the entry. */
  async accept(order: OrderEventDto, acceptedAt: string, send: SendOrder): Promise<string> {
    const incoming = incomingAt(order, acceptedAt);
    if (!(await this.rows.add(incoming))) {
      const held = await this.rows.find(order.orderId);
      // What no entry has brought may never come.
      if (held?.entry_id != null && isAnother(held, incoming)) throw new OrderIdConflictError();
    }
    const entryId = await send();
    // The entry is in the stream, so the order is taken in whether or not this succeeds: its handler does the same.
    await this.rows.noteEntry(incoming, entryId).catch((error: unknown) => {
      this.logger.warn('Could not note the entry of an order', {
        orderId: order.orderId,
        reason: String(error),
      });
    });
    return entryId;
  }

  async open(order: OrderEventDto, { entryId, replays }: OrderDelivery): Promise<Standing> {
    const incoming = incomingAt(order, timeOfEntry(entryId));
    const row = await this.enter(incoming, entryId, replays);
    if (isAnother(row, incoming)) throw new OrderIdConflictError();
    const outcome = outcomeOfRow(row);
    if (!outcome) return { is: 'open', replays: row.replays };
    if (outcome.entryId !== entryId) return { is: 'ended', outcome };
    if (outcome.state === 'dead-lettered') throw new EndedOrderError(outcome);
    return { is: 'effective', outcome };
  }

  async complete(
    { orderId }: OrderEventDto,
    outcome: OrderOutcome,
    effect: Effect,
    standing?: OpenStanding,
  ): Promise<OrderOutcome | undefined> {
    const isFirst = standing && (await this.rows.end(orderId, outcome, standing.replays));
    const held = isFirst ? outcome : await this.heldOutcome(orderId);
    if (held.entryId !== outcome.entryId) return held;
    if (held.state === 'dead-lettered') throw new EndedOrderError(held);
    // The follow-up event goes with the acknowledgement: whoever is given this entry again sees that it has had its
    // effect, and comes by here.
    effect.commit(held);
    return undefined;
  }

  async judge(orderId: string, event: FailedEvent, reason: DeadLetterReason): Promise<DeadLetterVerdict> {
    const { entryId, payload } = event;
    const incoming = incomingAt({ ...(payload as object), orderId }, timeOfEntry(entryId));
    const row = await this.enter(incoming, entryId, event.replays);
    if (isAnother(row, incoming)) {
      this.others.add(event);
      return 'dead-letter';
    }
    if (await this.rows.end(orderId, deadLetteredBy(event), row.replays)) return 'dead-letter';
    const held = await this.heldOutcome(orderId);
    if (held.entryId !== entryId) return 'acknowledge';
    if (held.state === 'dead-lettered') return 'dead-letter';
    // It has had its effect, and its follow-up event is missing: without the entry nobody can make up for that.
    return reason === 'vanished' ? 'acknowledge' : 'retry';
  }

  recordFailure(
    orderId: string,
    event: FailedEvent,
    next: NextStep,
    writes: SettlementWrites,
    deadLetterId: NewEntryId,
  ): void {
    if (next.action === 'dead-letter' && this.others.has(event)) return;
    const key = this.records.keyOf(orderId);
    const field = failureOfEntry(event.entryId);
    writeFailure(writes, key, event, next, deadLetterId, field).pexpire(
      key,
      keptFor(this.records.ttlMs, next),
    );
  }

  /** Redis has it in the step of the replay; the row follows when the entry is handled. */
  reopen(
    deadLetter: DeadLetter,
    orderId: string,
    isEdited: boolean,
    writes: StreamWrites,
    entryId: NewEntryId,
  ): Promise<void> {
    return reopenRecord(this.records, deadLetter, orderId, isEdited, writes, entryId);
  }

  async find(orderId: string): Promise<OrderSnapshot | undefined> {
    const [row, record] = await Promise.all([this.rows.find(orderId), this.records.read(orderId)]);
    const entryId = entryIdOf(row, record);
    if (entryId === undefined) return undefined;
    // The row comes last: when the entry is not pending any more, the row has how it ended.
    const pending = await this.records.pending(entryId);
    return snapshotOf(orderId, await this.rows.find(orderId), record, pending);
  }

  async check(): Promise<StoreProblem | undefined> {
    try {
      const { rows } = await asked(
        // So is every transaction of a standby.
        sql<{
          readOnly: boolean;
        }>`select current_setting('transaction_read_only') = 'on' as "readOnly"`.execute(this.db),
      );
      if (rows[0]?.readOnly === true) {
        return { code: 'database-read-only', message: 'PostgreSQL takes no writes: a standby, or read-only' };
      }
      if (this.isReady) return undefined;
      return { code: 'database-not-ready', message: 'The tables of the orders are not made yet' };
    } catch {
      return { code: 'database-unreachable', message: 'PostgreSQL does not answer' };
    }
  }

  close(): Promise<void> {
    this.start.stop();
    this.pruning?.stop();
    this.closing ??= closeDatabase(this.db);
    return this.closing;
  }

  onApplicationShutdown(): Promise<void> {
    return this.close();
  }

  /** The row as the entry finds it; an entry that a replay wrote opens it again. */
  private async enter(order: IncomingOrder, entryId: string, replays: number): Promise<OrderRow> {
    const found = await this.rows.find(order.orderId);
    // An order that came over HTTP has its row and its entry noted: a write would only cost.
    const row = found && found.entry_id !== null ? found : await this.rows.noteEntry(order, entryId);
    if (row.state === null && replays < row.replays) await this.checkPending(order.orderId, entryId);
    if (row.state !== 'dead-lettered' || row.ended_by === entryId) return row;
    const record = await this.records.read(order.orderId);
    // The replay of another letter, such as that of an invalid entry with this id, is no replay of the order.
    if (record.entryId !== entryId || !wasReplayed(row, record)) return row;
    await this.rows.reopen(order, entryId, row.replays);
    return (await this.rows.find(order.orderId)) ?? row;
  }

  /**
   * The entry may be the one whose dead letter was replayed, in a process that was thought dead: it is settled, and has
   * no say in what came of its replay. Another entry with the same id is pending, as anything is that is to be handled.
   */
  private async checkPending(orderId: string, entryId: string): Promise<void> {
    const { deliveries } = await this.records.pending(entryId);
    if (deliveries > 0) return;
    throw new StoreUnavailableError(`The entry ${entryId} of the order "${orderId}" is settled already`);
  }

  private async heldOutcome(orderId: string): Promise<OrderOutcome> {
    const row = await this.rows.find(orderId);
    const outcome = row && outcomeOfRow(row);
    // It was opened again at this moment, or removed by hand.
    if (!outcome) throw new StoreUnavailableError(`The row of the order "${orderId}" changed in between`);
    return outcome;
  }
}

function incomingAt(order: Pick<OrderEventDto, 'orderId'>, acceptedAt: string): IncomingOrder {
  const { orderId } = order;
  return { orderId, payload: JSON.stringify(order), content: contentOf(order) ?? null, acceptedAt };
}

/** Whether the row is of another order with the same id, as far as that is known. */
function isAnother(row: OrderRow, { content }: IncomingOrder): boolean {
  return row.content !== null && content !== null && row.content !== content;
}
