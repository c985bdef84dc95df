import type { OrderOutcome, OrderSnapshot } from '../../order-state.js';
import { failureOf, failureOfEntry, replaysOf, type RecordFields } from '../redis/order-record.js';
import type { PendingEntry } from '../redis/order-records.js';
import type { OrderRow } from './order-rows.js';

/** How the order of a row ended, if it has. */
export function outcomeOfRow({
  state,
  ended_at: at,
  attempts,
  ended_by: entryId,
  last_error: lastError,
}: OrderRow): OrderOutcome | undefined {
  if (state === null || at === null || entryId === null) return undefined;
  return {
    ...{ state, at: at.toISOString(), attempts: attempts ?? 0, entryId },
    ...(lastError !== null && { lastError }),
  };
}

/**
 * Whether Redis knows of a replay whose entry has not come to the row yet: how the row says it ended is past. Only the
 * replay itself writes that; what an entry says of its replays can start at 1 again.
 */
export function wasReplayed(row: OrderRow | undefined, record: RecordFields): boolean {
  const { entryId } = record;
  if (row?.state !== 'dead-lettered' || entryId === undefined || replaysOf(record) === 0) return false;
  return row.entry_id !== entryId && row.ended_by !== entryId;
}

/** The entry to follow: the row's, unless a replay is under way that only Redis knows of. */
export function entryIdOf(row: OrderRow | undefined, record: RecordFields): string | undefined {
  if (wasReplayed(row, record)) return record.entryId;
  return row?.entry_id ?? (isOfRow(row, record) ? record.entryId : undefined);
}

/** Redis may know only of an entry that brought another order under the id of the row. */
function isOfRow(row: OrderRow | undefined, { content }: RecordFields): boolean {
  return row?.content == null || content === undefined || row.content === content;
}

/** What both know of an order together: the row how it ended, Redis what happens to its entry. */
export function snapshotOf(
  orderId: string,
  row: OrderRow | undefined,
  record: RecordFields,
  pending: PendingEntry,
): OrderSnapshot | undefined {
  const entryId = entryIdOf(row, record);
  const acceptedAt = row?.accepted_at.toISOString() ?? record.acceptedAt;
  if (entryId === undefined || acceptedAt === undefined) return undefined;
  const outcome = row && !wasReplayed(row, record) ? outcomeOfRow(row) : undefined;
  const failure = failureOf(record[failureOfEntry(entryId)]);
  return {
    ...{ orderId, entryId, acceptedAt, ...pending },
    replays: Math.max(row?.replays ?? 0, replaysOf(record)),
    ...(failure && { failure }),
    ...(outcome && { outcome }),
    ...(record.deadLetterId !== undefined && { deadLetterId: record.deadLetterId }),
  };
}
