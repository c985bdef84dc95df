import type { FailedEvent } from '../observe/transport-events.js';
import type { DeadLetterReason } from '../protocol/dead-letter-reason.js';
import { SettlementWrites } from '../protocol/settlement-writes.js';
import { ENTRY_ID, type StreamWrite } from '../protocol/stream-writes.js';

/** What becomes of a failed entry. */
export type NextStep =
  | { readonly action: 'retry'; readonly delayMs: number }
  | { readonly action: 'dead-letter'; readonly reason: DeadLetterReason };

/**
 * Adds Redis writes to the step that parks or dead-letters an entry: they are applied with it or not at all. It is
 * called once per settlement, must not wait for anything, and its keys must share the stream's hash slot.
 *
 * @param event - the failed delivery; its payload is undefined when the entry could not be decoded
 * @param entryId - stands for the id of the dead letter; empty text on a retry, which adds no entry
 */
export type SettlementHook = (
  event: FailedEvent,
  next: NextStep,
  writes: SettlementWrites,
  entryId: typeof ENTRY_ID,
) => void;

/** Asks the hook for its writes. A hook that throws is reported, and the entry is settled without them. */
export function settlementWrites(
  hook: SettlementHook | undefined,
  event: FailedEvent,
  next: NextStep,
  onError: (error: unknown) => void,
): readonly StreamWrite[] {
  if (!hook) return [];
  const writes = new SettlementWrites();
  try {
    hook(event, next, writes, ENTRY_ID);
  } catch (error) {
    onError(error);
    return [];
  }
  return writes.list();
}
