import { isUtf8 } from 'node:buffer';
import {
  type StreamEntry,
  isNamed,
  REPLAY_GROUP_FIELD,
  REPLAY_HISTORY_FIELD,
  REPLAYS_FIELD,
  type Replay,
  DATA_FIELD,
  isHeaderOfFlat,
  RETRY_FIELD,
  type DecodedEntry,
  type Headers,
} from './entry.js';
import { MalformedEntryError } from './errors.js';
import { parsePayload, withoutMark, type BigNumbers } from './payload-json.js';

/** Reads the names and values of an entry, which are counted in turn, without making more of them than is asked for. */
export interface FieldReader {
  readonly partCount: number;
  /** Of all names and values together. */
  readonly byteCount: number;
  /** Whether a part is an ASCII text. */
  isPart(index: number, name: string): boolean;
  /** A part as text; empty where there is none, undefined when it is not UTF-8. */
  text(index: number): string | undefined;
  /** A part as a number; undefined when it is anything but one to `maxDigits` digits. */
  whole(index: number, maxDigits: number): number | undefined;
}

/** What a character that is no UTF-8 is decoded as; it may also have been written. */
const REPLACEMENT = '\ufffd';

/**
 * An entry within the bytes in which it came: names and values are found by their bounds, and cut out only if somebody
 * wants them as they are. Most entries are decoded once and never asked again.
 */
export class WireEntry implements StreamEntry, FieldReader {
  private cut: readonly Buffer[] | undefined;

  constructor(
    readonly id: string,
    private bytes: Buffer,
    /** Where each name and each value begins and ends, in turn. */
    private readonly bounds: number[],
  ) {}

  get parts(): readonly Buffer[] {
    this.cut ??= Array.from({ length: this.partCount }, (_, index) => this.part(index));
    return this.cut;
  }

  get partCount(): number {
    return this.bounds.length / 2;
  }

  get byteCount(): number {
    let bytes = 0;
    for (let index = 0; index < this.bounds.length; index += 2)
      bytes += this.bound(index + 1) - this.bound(index);
    return bytes;
  }

  isPart(index: number, name: string): boolean {
    const start = this.start(index);
    if (this.end(index) - start !== name.length) return false;
    for (let i = 0; i < name.length; i += 1) {
      if (this.bytes[start + i] !== name.charCodeAt(i)) return false;
    }
    return true;
  }

  text(index: number): string | undefined {
    const text = this.bytes.toString('utf8', this.start(index), this.end(index));
    return text.includes(REPLACEMENT) && !isUtf8(this.part(index)) ? undefined : text;
  }

  whole(index: number, maxDigits: number): number | undefined {
    const [start, end] = [this.start(index), this.end(index)];
    return end - start > maxDigits ? undefined : wholeOf(this.bytes, start, end);
  }

  /** Lets go of what came together with it, which may be many times as much. */
  detach(): void {
    const [first, last] = [this.bounds[0] ?? 0, this.bounds.at(-1) ?? 0];
    if (this.bytes.buffer.byteLength <= 2 * (last - first)) return;
    const own = Buffer.allocUnsafeSlow(last - first);
    this.bytes.copy(own, 0, first, last);
    this.bytes = own;
    for (let i = 0; i < this.bounds.length; i += 1) this.bounds[i] = this.bound(i) - first;
    this.cut = undefined;
  }

  private part(index: number): Buffer {
    return this.bytes.subarray(this.start(index), this.end(index));
  }

  private start(index: number): number {
    return this.bound(2 * index);
  }

  private end(index: number): number {
    return this.bound(2 * index + 1);
  }

  private bound(index: number): number {
    return this.bounds[index] ?? 0;
  }
}

/** The number that decimal digits stand for: no sign, no exponent; undefined for anything else. */
export function wholeOf(bytes: Buffer, start: number, end: number): number | undefined {
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return end > start ? value : undefined;
}

/** What reads an entry, whoever brought it. */
export function readerOf(entry: StreamEntry): FieldReader {
  return entry instanceof WireEntry ? entry : new PartsReader(entry.parts);
}

/** Parts that are cut already. */
class PartsReader implements FieldReader {
  constructor(private readonly parts: readonly Buffer[]) {}

  get partCount(): number {
    return this.parts.length;
  }

  get byteCount(): number {
    let bytes = 0;
    for (const part of this.parts) bytes += part.length;
    return bytes;
  }

  isPart(index: number, name: string): boolean {
    return isNamed(this.parts[index], name);
  }

  text(index: number): string | undefined {
    const part = this.parts[index];
    if (part && !isUtf8(part)) return undefined;
    return part?.toString() ?? '';
  }

  whole(index: number, maxDigits: number): number | undefined {
    const part = this.parts[index];
    return !part || part.length > maxDigits ? undefined : wholeOf(part, 0, part.length);
  }
}

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

/** How many digits the earlier attempts may have. */
const RETRY_DIGITS = 6;
const NO_HEADERS: Headers = Object.freeze(Object.create(null) as Record<string, string>);
/** Stands for the name of a header whose name is not UTF-8. */
const NAMELESS = '(its name is not UTF-8)';

/**
 * Reads payload, headers and earlier attempts out of an entry.
 *
 * @param maxBytes - limit on all names and values together, checked before anything is parsed
 * @param bigNumbers - what numbers beyond 2^53 - 1 become; without it they are rounded
 * @throws MalformedEntryError when the entry does not follow the wire format
 */
export function decodeEntry(entry: StreamEntry, maxBytes: number, bigNumbers?: BigNumbers): DecodedEntry {
  const fields = readerOf(entry);
  if (fields.byteCount > maxBytes)
    throw new MalformedEntryError(`larger than the limit of ${maxBytes} bytes`);

  let data = -1;
  let retry = -1;
  let others = 0;
  for (let i = 0; i < fields.partCount; i += 2) {
    if (fields.isPart(i, DATA_FIELD)) data = i + 1;
    else if (fields.isPart(i, RETRY_FIELD)) retry = i + 1;
    else others += 1;
  }
  const priorAttempts = retry < 0 ? 0 : parseRetry(fields, retry);
  if (data < 0) return { ...decodeFlat(fields), priorAttempts };
  const payload = parseJson(fields, data, bigNumbers);
  if (others === 0) return { payload, headers: NO_HEADERS, priorAttempts };
  return { payload, ...headersOf(fields), priorAttempts };
}

function parseRetry(fields: FieldReader, index: number): number {
  const attempts = fields.whole(index, RETRY_DIGITS);
  if (attempts === undefined) {
    throw new MalformedEntryError(`the field "${RETRY_FIELD}" is not a number of one to six digits`);
  }
  return attempts;
}

function parseJson(fields: FieldReader, index: number, bigNumbers: BigNumbers | undefined): unknown {
  const text = textOf(fields, index, DATA_FIELD);
  try {
    return parsePayload(text, bigNumbers);
  } catch (error) {
    throw new MalformedEntryError(`the field "${DATA_FIELD}" is not JSON`, { cause: error });
  }
}

/** A header that is not UTF-8 says nothing of the payload: it is left out. */
function headersOf(fields: FieldReader): Pick<DecodedEntry, 'headers' | 'unreadable'> {
  const headers = Object.create(null) as Record<string, string>;
  let unreadable: string[] | undefined;
  for (let i = 0; i < fields.partCount; i += 2) {
    const name = fields.text(i);
    if (name === DATA_FIELD || name === RETRY_FIELD) continue;
    const value = name === undefined ? undefined : fields.text(i + 1);
    if (name === undefined || value === undefined) (unreadable ??= []).push(name ?? NAMELESS);
    else headers[name] = value;
  }
  return { headers, unreadable };
}

function decodeFlat(fields: FieldReader): Omit<DecodedEntry, 'priorAttempts'> {
  const payload = Object.create(null) as Record<string, string>;
  const headers = Object.create(null) as Record<string, string>;
  let unreadable: string[] | undefined;
  for (let i = 0; i < fields.partCount; i += 2) {
    const name = nameOf(fields, i);
    if (name === RETRY_FIELD) continue;
    if (!isHeaderOfFlat(name)) payload[i === 0 ? withoutMark(name) : name] = textOf(fields, i + 1, name);
    else {
      const value = fields.text(i + 1);
      if (value === undefined) (unreadable ??= []).push(name);
      else headers[name] = value;
    }
  }
  return { payload, headers, unreadable };
}

function nameOf(fields: FieldReader, index: number): string {
  const name = fields.text(index);
  if (name === undefined) throw new MalformedEntryError('a field name is not UTF-8');
  return name;
}

function textOf(fields: FieldReader, index: number, name: string): string {
  const text = fields.text(index);
  if (text === undefined) throw new MalformedEntryError(`the field "${name}" is not UTF-8`);
  return text;
}
