import type { Redis } from 'ioredis';
import type { StreamEntry } from '../protocol/entry.js';

/** What stands where bytes were not valid UTF-8 and a reply was read as text. */
const REPLACEMENT = '\ufffd';

/** One entry of a reply: id, and names and values in turn. */
export type EntryReply = readonly [id: string, fields: string[]];
/** The reply of XREADGROUP: for each stream its entries; null when nothing came in time. */
export type ReadReply = readonly (readonly [stream: string, entries: EntryReply[]])[] | null;

/** Entries of a reply for one stream. */
export function entriesOf(reply: ReadReply): StreamEntry[] {
  const entries = reply?.[0]?.[1] ?? [];
  return entries.map(([id, fields]) => ({ id, fields }));
}

/**
 * Reads entries again, byte for byte, where reading them as text may have lost something. One that cannot be read again
 * now is left out: it stays pending, and is found when its ack wait is over.
 */
export async function withExactBytes(
  redis: Redis,
  stream: string,
  entries: readonly StreamEntry[],
): Promise<readonly StreamEntry[]> {
  if (!entries.some(mayHaveLostBytes)) return entries;
  const read = await Promise.all(
    entries.map(async (entry): Promise<StreamEntry[]> => {
      if (!mayHaveLostBytes(entry)) return [entry];
      try {
        const [exact] = await redis.xrangeBuffer(stream, entry.id, entry.id);
        return [{ ...entry, bytes: exact?.[1] ?? 'lost' }];
      } catch {
        return [];
      }
    }),
  );
  return read.flat();
}

function mayHaveLostBytes({ fields }: StreamEntry): boolean {
  return fields.some((text) => text.includes(REPLACEMENT));
}
