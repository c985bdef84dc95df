import {
  DATA_FIELD,
  DEAD_LETTER_PREFIX,
  REPLAY_PREFIX,
  RETRY_FIELD,
  type DecodedEntry,
  type Headers,
  type StreamEntry,
} from './entry.js';
import { MalformedEntryError } from './errors.js';
import { readerOf, type FieldReader } from './wire-entry.js';

/** How many digits the earlier attempts may have. */
const RETRY_DIGITS = 6;
const NO_HEADERS: Headers = Object.freeze(Object.create(null) as Record<string, string>);

/**
 * Reads payload, headers and earlier attempts out of an entry.
 *
 * @param maxBytes - limit on all names and values together, checked before anything is parsed
 * @throws MalformedEntryError when the entry does not follow the wire format
 */
export function decodeEntry(entry: StreamEntry, maxBytes: number): DecodedEntry {
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
  const payload = parseJson(fields, data);
  return { payload, headers: others === 0 ? NO_HEADERS : headersOf(fields), priorAttempts };
}

function parseRetry(fields: FieldReader, index: number): number {
  const attempts = fields.whole(index, RETRY_DIGITS);
  if (attempts === undefined) {
    throw new MalformedEntryError(`the field "${RETRY_FIELD}" is not a number of one to six digits`);
  }
  return attempts;
}

function parseJson(fields: FieldReader, index: number): unknown {
  const text = textOf(fields, index, DATA_FIELD);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedEntryError(`the field "${DATA_FIELD}" is not JSON`, { cause: error });
  }
}

function headersOf(fields: FieldReader): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i < fields.partCount; i += 2) {
    const name = nameOf(fields, i);
    if (name !== DATA_FIELD && name !== RETRY_FIELD) headers[name] = textOf(fields, i + 1, name);
  }
  return headers;
}

function decodeFlat(fields: FieldReader): Pick<DecodedEntry, 'payload' | 'headers'> {
  const payload = Object.create(null) as Record<string, string>;
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i < fields.partCount; i += 2) {
    const name = nameOf(fields, i);
    const value = textOf(fields, i + 1, name);
    if (name === RETRY_FIELD) continue;
    const target = name.startsWith(DEAD_LETTER_PREFIX) || name.startsWith(REPLAY_PREFIX) ? headers : payload;
    target[name] = value;
  }
  return { payload, headers };
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
