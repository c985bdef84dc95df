import type { FailedEvent, NextStep, SettlementWrites } from '../../../transport/index.js';
import { contentOf } from '../../order-content.js';
import { describeError } from '../../order-event.js';
import type { OrderFailure, OrderOutcome } from '../../order-state.js';
import type { NewEntryId } from '../order-store.js';
import { RECORD, timeOfEntry } from './order-record.js';

/** An error in the record of an order is for whoever asks; the dead letter has it whole. */
const MAX_ERROR_LENGTH = 500;

/** The outcome of an order whose entry is dead-lettered. */
export function deadLetteredBy({ deliveryCount, entryId, error }: FailedEvent): OrderOutcome {
  const at = new Date().toISOString();
  return { state: 'dead-lettered', at, attempts: deliveryCount, entryId, lastError: errorText(error) };
}

/**
 * Writes what became of a failed delivery into the record at `key`, with what distinguishes its order from another one.
 *
 * @param field - where the failure is kept
 */
export function writeFailure(
  writes: SettlementWrites,
  key: string,
  { entryId, error, payload }: FailedEvent,
  next: NextStep,
  deadLetterId: NewEntryId,
  field: string = RECORD.failure,
): SettlementWrites {
  writes
    .hsetnx(key, RECORD.acceptedAt, timeOfEntry(entryId))
    .hsetnx(key, RECORD.entryId, entryId)
    .hsetnx(key, RECORD.content, contentOf(payload) ?? '');
  if (next.action === 'dead-letter') {
    return writes.hset(key, { [RECORD.deadLetterId]: deadLetterId }).hdel(key, field);
  }
  const failure: OrderFailure = { at: new Date().toISOString(), error: errorText(error) };
  return writes.hset(key, { [field]: JSON.stringify(failure) });
}

/** How long the record is to be kept from now on, in milliseconds. */
export function keptFor(ttlMs: number, next: NextStep): number {
  return ttlMs + (next.action === 'retry' ? Math.ceil(next.delayMs) : 0);
}

function errorText(error: unknown): string {
  const described = describeError(error);
  return `${described.error}: ${described.reason}`.slice(0, MAX_ERROR_LENGTH);
}
