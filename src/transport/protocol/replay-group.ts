import { REPLAY_GROUP_FIELD } from './entry-fields.js';
import type { StreamEntry } from './entry.js';
import { readerOf } from './entry-reader.js';

/** The one group that a replayed entry is for; undefined for an entry that is for all. */
export function replayGroupOf(entry: StreamEntry): string | undefined {
  const fields = readerOf(entry);
  for (let i = 0; i < fields.partCount; i += 2) {
    if (fields.isPart(i, REPLAY_GROUP_FIELD)) return entry.parts[i + 1]?.toString();
  }
  return undefined;
}
