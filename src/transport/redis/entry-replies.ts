import type { StreamEntry } from '../entry/entry.js';

/** One entry of a reply: id, and names and values in turn. */
export type EntryReply = readonly [id: Buffer, parts: Buffer[]];
/** The reply of XREADGROUP: for each stream its entries; null when nothing came in time. */
export type ReadReply = readonly (readonly [stream: Buffer, entries: EntryReply[]])[] | null;

/** Entries of a reply for one stream. */
export function entriesOf(reply: ReadReply): StreamEntry[] {
  return reply?.[0]?.[1].map(entryOf) ?? [];
}

/** An entry of a reply. Its bytes stay as they came: an entry that cannot be understood must not lose any. */
export function entryOf([id, parts]: EntryReply): StreamEntry {
  return { id: id.toString('latin1'), parts };
}
