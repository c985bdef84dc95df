import { isNamed, REPLAY_GROUP_FIELD } from './entry-fields.js';
import type { StreamEntry } from './entry.js';

/** The one group that a replayed entry is for; undefined for an entry that is for all. */
export function replayGroupOf({ parts }: StreamEntry): string | undefined {
  for (let i = 0; i < parts.length; i += 2) {
    if (isNamed(parts[i], REPLAY_GROUP_FIELD)) return parts[i + 1]?.toString();
  }
  return undefined;
}
