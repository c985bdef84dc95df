import type { ColumnType, Generated } from 'kysely';
import type { FinalState } from '../../order-state.js';

/** One row per order. The first six columns say what came in, the others how it ended. */
export interface OrdersTable {
  /** Key of the stream that the order came through: two services may share a database. */
  stream: string;
  order_id: string;
  /** As text: the type `jsonb` refuses a NUL in a string. */
  payload: ColumnType<unknown, string, string>;
  /** Distinguishes it from another order with its id; null in rows of earlier versions. */
  content: string | null;
  accepted_at: Date;
  /** Of the first entry that brought the order, or of its last replay; null until one is known. */
  entry_id: string | null;
  /** How often it had been put back from the dead letters. */
  replays: Generated<number>;
  /** Null while the order is on its way. */
  state: FinalState | null;
  ended_at: Date | null;
  attempts: number | null;
  /** Id of the entry that ended the order. */
  ended_by: string | null;
  last_error: string | null;
}

export interface OrdersDatabase {
  order_streams_orders: OrdersTable;
}
