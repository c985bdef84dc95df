import {
  REPLAY_GROUP_FIELD,
  REPLAY_HISTORY_FIELD,
  REPLAYS_FIELD,
  type Replay,
  type StreamEntry,
} from './entry.js';
import { readerOf, type FieldReader } from './wire-entry.js';

/** How many digits the number of replays may have. */
const REPLAYS_DIGITS = 6;

/** Whether an entry has a field that only a replay writes. Every entry that is read is asked. */
export function hasReplayFields(entry: StreamEntry): boolean {
  const fields = readerOf(entry);
  for (let i = 0; i < fields.partCount; i += 2) if (isReplayField(fields, i)) return true;
  return false;
}

/** The names of the fields that only a replay writes, each once. */
export function replayFieldsOf(entry: StreamEntry): string[] {
  const fields = readerOf(entry);
  const names = new Set<string>();
  for (let i = 0; i < fields.partCount; i += 2) {
    if (isReplayField(fields, i)) names.add(fields.text(i) ?? '');
  }
  return [...names];
}

/** What a replay wrote into an entry: to be asked only of one for which a replay is noted. */
export function replayOf(entry: StreamEntry): Replay {
  const fields = readerOf(entry);
  let replays = 1;
  let group: string | undefined;
  for (let i = 0; i < fields.partCount; i += 2) {
    if (fields.isPart(i, REPLAYS_FIELD)) replays = fields.whole(i + 1, REPLAYS_DIGITS) ?? replays;
    if (fields.isPart(i, REPLAY_GROUP_FIELD)) group = fields.text(i + 1);
  }
  return { replays, ...(group !== undefined && { group }) };
}

function isReplayField(fields: FieldReader, index: number): boolean {
  return (
    fields.isPart(index, REPLAYS_FIELD) ||
    fields.isPart(index, REPLAY_GROUP_FIELD) ||
    fields.isPart(index, REPLAY_HISTORY_FIELD)
  );
}
