import { REPLAY_GROUP_FIELD } from './entry-fields.js';
import type { StreamEntry } from './entry.js';

/** The one group that a replayed entry is for; undefined for an entry that is for all. */
export function replayGroupOf({ fields }: StreamEntry): string | undefined {
  for (let i = 0; i < fields.length; i += 2) if (fields[i] === REPLAY_GROUP_FIELD) return fields[i + 1];
  return undefined;
}
