import { RedisUnavailableError, type DeadLetter, type StreamWrites } from '../../../transport/index.js';
import type { NewEntryId } from '../order-store.js';
import { RECORD, replaysOf, timeOfEntry, type RecordFields } from './order-record.js';
import type { OrderRecords } from './order-records.js';

/** Adds to the step that replays a dead letter what puts the record of its order back to `accepted`. */
export async function reopenRecord(
  records: OrderRecords,
  deadLetter: DeadLetter,
  orderId: string,
  isEdited: boolean,
  writes: StreamWrites,
  entryId: NewEntryId,
): Promise<void> {
  const record = await recordEndedBy(records, deadLetter.id, orderId);
  if (!record) return;
  const key = records.keyOf(orderId);
  const edited = isEdited ? [RECORD.content, RECORD.payload] : [];
  // A letter of an earlier build, or one that was copied, does not say how often its order was replayed.
  const replays = Math.max(replaysOf(record), deadLetter.replays) + 1;
  writes
    .hdel(key, RECORD.outcome, RECORD.deadLetterId, RECORD.failure, ...edited)
    .hsetnx(key, RECORD.acceptedAt, timeOfEntry(deadLetter.originalId))
    .hset(key, { [RECORD.entryId]: entryId, [RECORD.replays]: replays })
    .pexpire(key, records.ttlMs);
}

/** What is known of the order, if anything; undefined when another dead letter ended it, or none. */
async function recordEndedBy(
  records: OrderRecords,
  deadLetterId: string,
  orderId: string,
): Promise<RecordFields | undefined> {
  try {
    const record = await records.read(orderId);
    return Object.keys(record).length === 0 || record.deadLetterId === deadLetterId ? record : undefined;
  } catch (error) {
    // Something else stands where the record was: there is no order to reopen.
    const cause = error instanceof RedisUnavailableError ? error.cause : undefined;
    if (cause instanceof Error && cause.message.startsWith('WRONGTYPE')) return undefined;
    throw error;
  }
}
