import type { EntryRef } from '../broker/settlement.js';
import type { Delivery } from '../protocol/entry.js';

/** Which delivery of which entry a step is about. */
export function refOf({ entry, deliveryCount }: Delivery): EntryRef {
  return { id: entry.id, deliveryCount };
}
