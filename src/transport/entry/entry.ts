/** An entry as Redis delivered it, byte for byte. */
export interface StreamEntry {
  /** Its id, such as `1718000000000-0`. */
  readonly id: string;
  /** Field names and values in turn, in the order of the wire. */
  readonly parts: readonly Buffer[];
}

/** What a replay wrote into the entry that it made. */
export interface Replay {
  /** How often the entry was put back from the dead letters, that time included. */
  readonly replays: number;
  /** The group that it is for: the one that it failed in. Absent when it is for all. */
  readonly group?: string;
}

/** An entry as it was delivered to this consumer. */
export interface DeliveredEntry {
  readonly entry: StreamEntry;
  /**
   * How often the group has delivered the entry, this time included: the count that Redis keeps in the pending
   * entries list (https://redis.io/docs/latest/commands/xpending/).
   */
  readonly deliveryCount: number;
}

/** The payload, headers and earlier attempts that an entry carries. */
export interface DecodedEntry {
  /** The field `data`, parsed as JSON; an object of its fields where an entry has no such field. */
  readonly payload: unknown;
  /** The fields next to the payload, less those that are not UTF-8. */
  readonly headers: Headers;
  /** Attempts that the entry had already had elsewhere when it was written. */
  readonly priorAttempts: number;
  /** Names of headers that are not UTF-8, and so not among the headers; absent where there are none. */
  readonly unreadable?: readonly string[] | undefined;
}

/** Out-of-band values next to the payload; names and values are strings. */
export type Headers = Readonly<Record<string, string>>;

/** Whether an entry comes before another one; `ms-sequence`, each part up to 64 bits wide. */
export function isBefore(id: string, other: string): boolean {
  const [ms, sequence] = partsOf(id);
  const [otherMs, otherSequence] = partsOf(other);
  return ms === otherMs ? sequence < otherSequence : ms < otherMs;
}

function partsOf(id: string): [ms: bigint, sequence: bigint] {
  const [ms = '0', sequence = '0'] = id.split('-');
  return [BigInt(ms), BigInt(sequence)];
}

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

/** Headers that producers put next to flat fields. */
const FLAT_HEADERS: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'correlation-id']);

/** Whether a field is a header that a producer may set also where the other fields are the payload. */
export function isFlatHeader(name: string): boolean {
  return FLAT_HEADERS.has(name);
}

/** Whether a field of an entry without `data` is a header, and not a part of the payload. */
export function isHeaderOfFlat(name: string): boolean {
  return isFlatHeader(name) || name.startsWith(DEAD_LETTER_PREFIX) || name.startsWith(REPLAY_PREFIX);
}

/** Whether a field has an ASCII name. Every entry that is read is asked, so no text is made of it. */
export function isNamed(part: Buffer | undefined, name: string): boolean {
  if (part?.length !== name.length) return false;
  for (let i = 0; i < name.length; i += 1) {
    if (part[i] !== name.charCodeAt(i)) return false;
  }
  return true;
}
