import { decodeEntry, readerOf } from './decode.js';
import {
  DATA_FIELD,
  DEAD_LETTER_PREFIX,
  isHeaderOfFlat,
  isNamed,
  REPLAY_HISTORY_FIELD,
  RETRY_FIELD,
  type DecodedEntry,
  type StreamEntry,
} from './entry.js';
import type { BigNumbers } from './payload-json.js';

/** What a colliding field of the entry is called in the dead letter: this and its own name. */
const RENAMED_PREFIX = `${DEAD_LETTER_PREFIX}original-field-`;
/** Where an entry of very many fields is: `<length>:<bytes>,` for each name and value. */
const PACKED_FIELD = `${DEAD_LETTER_PREFIX}original-packed`;

/** A time before which an entry went to the dead-letter stream, and what its replay became. */
export interface EarlierFailure {
  /** The entry that failed. */
  readonly originalId: string;
  /** The dead letter that it became. */
  readonly deadLetterId: string;
  /** By the clock of Redis. */
  readonly failedAt: Date;
  /** The entry that its replay made. */
  readonly entryId: string;
}

/** What was thrown, as a dead letter keeps it. */
export interface DeadLetterException {
  /** Its name as it was set, else that of its class, such as `TypeError`. */
  readonly name: string;
  /** Its message with the violations of a validation, and what an exception of Nest was made of; cut where it is long. */
  readonly message: string;
  /** Its stack, and below it its own properties that are simple values, such as `code`; cut where it is long. */
  readonly stacktrace: string;
  /** The errors that failed together, and its causes. */
  readonly cause: string;
}

/** What is missing of a dead letter that is too large to be read whole: one of more than about 512 KiB. */
export interface Truncation {
  /** What all names and values have together in the stream. */
  readonly bytes: number;
  /** How many bytes a name or a value has in the stream, for each in {@link DeadLetter.fields} that was cut. */
  readonly fullLengths: ReadonlyMap<Buffer, number>;
  /** Fields of which nothing was read. */
  readonly omittedFields: number;
}

/** An entry of a dead-letter stream, read. What it does not say is empty text, or 0. */
export interface DeadLetter {
  /** Its id in the dead-letter stream. */
  readonly id: string;
  /**
   * Whether somebody else than this library wrote it, or may have: then everything that it says of itself is theirs, and
   * it goes back only where an operator says the stream.
   */
  readonly foreign: boolean;
  /** The stream that it comes from. */
  readonly stream: string;
  /** The id that the entry had in its stream. */
  readonly originalId: string;
  /** The group that it failed in. */
  readonly group: string;
  /** The consumer that handled it last. */
  readonly consumer: string;
  /** A {@link DeadLetterReason}, unless somebody else wrote it. */
  readonly reason: string;
  /** Attempts beyond the first, those made elsewhere included. */
  readonly retry: number;
  /** How often the group had delivered it. */
  readonly deliveryCount: number;
  /** What its last attempt failed with. */
  readonly exception: DeadLetterException;
  /** ISO 8601. */
  readonly failedAt: string;
  /** How often it was replayed before; 0 where it is foreign, whatever it says. */
  readonly replays: number;
  /** The oldest first, the last ten; none where it is foreign. */
  readonly history: readonly EarlierFailure[];
  /** What was not read of it; undefined where it was read whole, as all are of up to 512 KiB. */
  readonly truncation: Truncation | undefined;
  /** All fields as they are, names and values in turn, but for what `truncation` says. */
  readonly fields: readonly Buffer[];
  /** The fields of the entry that it was, names and values in turn. */
  readonly originalFields: readonly Buffer[];
  /** Payload and headers of the entry that it was; undefined when it does not follow the wire format or is truncated. */
  readonly decoded: DecodedEntry | undefined;
}

/**
 * Reads an entry of a dead-letter stream. Never throws: what is there may be anybody's.
 *
 * @param foreign - whether nothing proves that this library wrote it
 * @param truncation - what is missing of its fields
 */
export function readDeadLetter(
  id: string,
  fields: readonly Buffer[],
  foreign: boolean,
  truncation?: Truncation,
): DeadLetter {
  const { info, originals, retry } = separate(fields, truncation);
  const textOf = (name: string): string => info.get(`${DEAD_LETTER_PREFIX}${name}`) ?? '';
  return {
    ...{ id, foreign, truncation },
    stream: textOf('original-stream'),
    originalId: textOf('original-id'),
    group: textOf('original-consumer-group'),
    consumer: textOf('original-consumer'),
    reason: textOf('reason'),
    retry: numberOf(retry),
    deliveryCount: numberOf(textOf('delivery-count')),
    exception: {
      name: textOf('exception-name'),
      message: textOf('exception-message'),
      stacktrace: textOf('exception-stacktrace'),
      cause: textOf('exception-cause'),
    },
    failedAt: textOf('failed-at') || timeOf(id).toISOString(),
    replays: foreign ? 0 : numberOf(textOf('replays')),
    history: foreign ? [] : historyOf(info.get(REPLAY_HISTORY_FIELD) ?? '', textOf('original-id')),
    fields,
    originalFields: originals,
    decoded: truncation ? undefined : decode(id, originals),
  };
}

/** The payload as it was sent, or the beginning of one that was cut: the field `data`; undefined when the entry is flat. */
export function rawPayload({ originalFields }: DeadLetter): Buffer | undefined {
  return valueOf(originalFields, DATA_FIELD);
}

interface Separated {
  readonly info: ReadonlyMap<string, string>;
  readonly originals: readonly Buffer[];
  readonly retry: string;
}

function separate(fields: readonly Buffer[], truncation?: Truncation): Separated {
  const info = new Map<string, string>();
  let originals: Buffer[] = [];
  let retry = '';
  for (const [name, value] of fieldPairs(fields)) {
    const text = name.toString('latin1');
    if (text.startsWith(RENAMED_PREFIX)) originals.push(name.subarray(RENAMED_PREFIX.length), value);
    else if (text === PACKED_FIELD) originals = truncation?.fullLengths.has(value) ? [] : unpack(value);
    else if (text.startsWith(DEAD_LETTER_PREFIX)) info.set(text, value.toString());
    else if (text === RETRY_FIELD) retry = value.toString();
    else {
      // One that a producer wrote is renamed; this one a replay wrote.
      if (text === REPLAY_HISTORY_FIELD) info.set(text, value.toString());
      originals.push(name, value);
    }
  }
  return { info, originals, retry };
}

/** Names with their values. */
export function* fieldPairs(fields: readonly Buffer[]): Generator<readonly [name: Buffer, value: Buffer]> {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name, value] = [fields[i], fields[i + 1]];
    if (name && value) yield [name, value];
  }
}

/** The fields of a dead letter with those that were packed in their place; undefined where none were. */
export function unpackedFields(fields: readonly Buffer[]): Buffer[] | undefined {
  const pairs = [...fieldPairs(fields)];
  const packed = pairs.find(([name]) => isNamed(name, PACKED_FIELD));
  return packed && pairs.flatMap((pair) => (pair === packed ? unpack(packed[1]) : pair));
}

function unpack(packed: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < packed.length;) {
    const colon = packed.indexOf(':', at);
    const digits = colon < 0 ? '' : packed.toString('latin1', at, colon);
    if (!/^\d{1,15}$/.test(digits)) return [];
    const length = Number(digits);
    parts.push(packed.subarray(colon + 1, colon + 1 + length));
    at = colon + length + 2;
  }
  return parts;
}

function valueOf(fields: readonly Buffer[], wanted: string): Buffer | undefined {
  let found: Buffer | undefined;
  for (const [name, value] of fieldPairs(fields)) if (name.toString('latin1') === wanted) found = value;
  return found;
}

function decode(id: string, originals: readonly Buffer[]): DecodedEntry | undefined {
  // A replay sets the attempts to 0, so it does not matter whether they can be read.
  const parts = [...fieldPairs(originals)].filter(([name]) => !isNamed(name, RETRY_FIELD)).flat();
  try {
    return decodeEntry({ id, parts }, Number.MAX_SAFE_INTEGER);
  } catch {
    return undefined;
  }
}

/** Longer than ten steps can be. The time to take a text apart that is not made of steps grows with its square. */
const LONGEST_HISTORY = 1_000;

function historyOf(text: string, lastEntryId: string): EarlierFailure[] {
  if (text.length > LONGEST_HISTORY) return [];
  const steps = [...text.matchAll(/(\d+-\d+):(\d+-\d+)/g)];
  return steps.map(([, originalId = '', deadLetterId = ''], i) => ({
    originalId,
    deadLetterId,
    failedAt: timeOf(deadLetterId),
    entryId: steps[i + 1]?.[1] ?? lastEntryId,
  }));
}

const LATEST_TIME = 8.64e15;

function timeOf(id: string): Date {
  return new Date(Math.min(Number.parseInt(id, 10) || 0, LATEST_TIME));
}

function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** The longest value that becomes a header of what cannot be decoded, in bytes. */
const LONGEST_HEADER = 65_536;

/**
 * Reads a dead letter for a handler of its stream. It never throws: what could not be decoded before cannot be now, and
 * the handler is to hear of it all the same, with an undefined payload.
 *
 * @param maxBytes - limit on all names and values together, beyond which the payload is not parsed
 * @param bigNumbers - what numbers beyond 2^53 - 1 become; without it they are rounded
 */
export function decodeLetter(entry: StreamEntry, maxBytes: number, bigNumbers?: BigNumbers): DecodedEntry {
  try {
    if (readerOf(entry).byteCount <= maxBytes) return decodeEntry(unpacked(entry), maxBytes, bigNumbers);
  } catch {
    // It says so by its undefined payload.
  }
  return { payload: undefined, headers: headersOf(entry), priorAttempts: 0 };
}

/** With the fields that were packed because of their number. */
function unpacked(entry: StreamEntry): StreamEntry {
  const fields = unpackedFields(entry.parts);
  return fields ? { id: entry.id, parts: fields } : entry;
}

/** Bytes that are no text are replaced, as everywhere where bytes are shown as text. */
function headersOf({ parts }: StreamEntry): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  const isFlat = !parts.some((part, i) => i % 2 === 0 && isNamed(part, DATA_FIELD));
  for (const [nameBytes, value] of fieldPairs(parts)) {
    if (nameBytes.length > LONGEST_HEADER || value.length > LONGEST_HEADER) continue;
    const name = nameBytes.toString();
    const isPayload = isFlat && !isHeaderOfFlat(name);
    if (name !== DATA_FIELD && name !== RETRY_FIELD && !isPayload) headers[name] = value.toString();
  }
  return headers;
}
