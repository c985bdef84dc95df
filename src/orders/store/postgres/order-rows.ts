import { sql, type ExpressionBuilder, type Insertable, type Kysely, type Selectable } from 'kysely';
import type { OrderOutcome } from '../../order-state.js';
import { asked } from './asked.js';
import type { OrdersDatabase, OrdersTable } from './schema.js';

const TABLE = 'order_streams_orders';

/** A row as it is read; the payload is kept for whoever asks the database. */
export type OrderRow = Omit<Selectable<OrdersTable>, 'stream' | 'order_id' | 'payload'>;

const COLUMNS = [
  ...(['accepted_at', 'content', 'entry_id', 'replays', 'state'] as const),
  ...(['ended_at', 'attempts', 'ended_by', 'last_error'] as const),
] as const;

/** What an entry or a request brings. */
export interface IncomingOrder {
  readonly orderId: string;
  /** JSON. */
  readonly payload: string;
  /** Distinguishes it from another order with its id. */
  readonly content: string | null;
  readonly acceptedAt: string;
}

/** The rows of the orders of one stream. Each method is one statement, hence all of it or nothing. */
export class OrderRows {
  constructor(
    private readonly db: Kysely<OrdersDatabase>,
    private readonly stream: string,
  ) {}

  /** Adds the order unless it is there. @returns whether it was not */
  async add(order: IncomingOrder): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await asked(
      this.db
        .insertInto(TABLE)
        .values(this.valuesOf(order))
        .onConflict((conflict) => conflict.columns(['stream', 'order_id']).doNothing())
        .executeTakeFirstOrThrow(),
    );
    return numInsertedOrUpdatedRows === 1n;
  }

  /** Notes the entry that brought the order, unless one is known; what is kept is what that entry brought. */
  async noteEntry(order: IncomingOrder, entryId: string): Promise<OrderRow> {
    return asked(
      this.db
        .insertInto(TABLE)
        .values({ ...this.valuesOf(order), entry_id: entryId })
        .onConflict((conflict) =>
          conflict.columns(['stream', 'order_id']).doUpdateSet((row) => ({
            payload: row
              .case()
              .when(`${TABLE}.entry_id`, 'is', null)
              .then(row.ref('excluded.payload'))
              .else(row.ref(`${TABLE}.payload`))
              .end(),
            content: row
              .case()
              .when(`${TABLE}.entry_id`, 'is', null)
              .then(row.ref('excluded.content'))
              .else(row.ref(`${TABLE}.content`))
              .end(),
            entry_id: row.fn.coalesce(`${TABLE}.entry_id`, 'excluded.entry_id'),
          })),
        )
        .returning(COLUMNS)
        .executeTakeFirstOrThrow(),
    );
  }

  /**
   * Opens a dead-lettered order again, for the entry that its replay wrote; once.
   *
   * @param replays - as the row had them when whoever asks looked
   */
  async reopen({ orderId, content }: IncomingOrder, entryId: string, replays: number): Promise<void> {
    await asked(
      this.db
        .updateTable(TABLE)
        .set({ replays: replays + 1, content, entry_id: entryId, ...NOT_ENDED })
        .where('stream', '=', this.stream)
        .where('order_id', '=', orderId)
        .where('state', '=', 'dead-lettered')
        .where('replays', '=', replays)
        .execute(),
    );
  }

  /**
   * Ends the order unless it has ended: the row is what every process and every entry of the order must pass.
   *
   * @param replays - as the row had them when whoever asks looked. A statement may come late, after its caller gave it
   * up and the order was opened again by a replay: then it speaks for what is past, and changes nothing
   * @returns whether this ended it
   */
  async end(orderId: string, outcome: OrderOutcome, replays: number): Promise<boolean> {
    const { numUpdatedRows } = await asked(
      this.db
        .updateTable(TABLE)
        .set({
          state: outcome.state,
          ended_at: new Date(outcome.at),
          attempts: outcome.attempts,
          ended_by: outcome.entryId,
          // PostgreSQL has no text with a NUL.
          last_error: outcome.lastError?.replaceAll('\0', '\uFFFD') ?? null,
        })
        .where('stream', '=', this.stream)
        .where('order_id', '=', orderId)
        .where('state', 'is', null)
        .where('replays', '=', replays)
        .executeTakeFirstOrThrow(),
    );
    return numUpdatedRows === 1n;
  }

  async find(orderId: string): Promise<OrderRow | undefined> {
    return asked(
      this.db
        .selectFrom(TABLE)
        .select(COLUMNS)
        .where('stream', '=', this.stream)
        .where('order_id', '=', orderId)
        .executeTakeFirst(),
    );
  }

  /** Removes some of the orders that ended long ago, or whose entry was never written. @returns how many */
  async prune(olderThanMs: number, limit: number): Promise<number> {
    const before = sql<Date>`now() - make_interval(secs => ${olderThanMs / 1000})`;
    const isOld = (row: ExpressionBuilder<OrdersDatabase, typeof TABLE>) =>
      row.or([
        row('ended_at', '<', before),
        row.and([row('state', 'is', null), row('entry_id', 'is', null), row('accepted_at', '<', before)]),
      ]);
    const { numDeletedRows } = await asked(
      this.db
        // Not as a subquery, which PostgreSQL may run again for each row: the limit would not hold.
        .with(
          (old) => old('old').materialized(),
          (db) =>
            db
              .selectFrom(TABLE)
              .select('order_id')
              .where('stream', '=', this.stream)
              .where(isOld)
              .limit(limit)
              .forUpdate()
              .skipLocked(),
        )
        .deleteFrom(TABLE)
        .where('stream', '=', this.stream)
        .where('order_id', 'in', (db) => db.selectFrom('old').select('old.order_id'))
        .executeTakeFirstOrThrow(),
    );
    return Number(numDeletedRows);
  }

  private valuesOf({ orderId, payload, content, acceptedAt }: IncomingOrder): Insertable<OrdersTable> {
    return { stream: this.stream, order_id: orderId, payload, content, accepted_at: new Date(acceptedAt) };
  }
}

const NOT_ENDED = { state: null, ended_at: null, attempts: null, ended_by: null, last_error: null };
