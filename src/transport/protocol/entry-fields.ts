/** The payload as JSON. Without it an entry is flat: its fields are the payload. */
export const DATA_FIELD = 'data';
/** Attempts that the entry already had elsewhere. */
export const RETRY_FIELD = 'retry';
/** What dead-lettering adds to an entry. */
export const DEAD_LETTER_PREFIX = 'dlt-';
/** What a replay adds to an entry. */
export const REPLAY_PREFIX = 'replay-';
/** How often an entry was put back from the dead letters. This and the next two only a replay writes. */
export const REPLAYS_FIELD = `${DEAD_LETTER_PREFIX}replays`;
/** The group that a replayed entry is for: the one that it failed in. */
export const REPLAY_GROUP_FIELD = `${REPLAY_PREFIX}group`;
/** Where earlier replays of an entry came from. */
export const REPLAY_HISTORY_FIELD = `${REPLAY_PREFIX}history`;

/** Whether a field belongs to the protocol and is never payload or a header that a producer sets. */
export function isReservedField(name: string): boolean {
  return (
    name === DATA_FIELD ||
    name === RETRY_FIELD ||
    name.startsWith(DEAD_LETTER_PREFIX) ||
    name.startsWith(REPLAY_PREFIX)
  );
}

/** Whether a field has an ASCII name. Every entry that is read is asked, so no text is made of it. */
export function isNamed(part: Buffer | undefined, name: string): boolean {
  if (part?.length !== name.length) return false;
  for (let i = 0; i < name.length; i += 1) {
    if (part[i] !== name.charCodeAt(i)) return false;
  }
  return true;
}
