import { isUtf8 } from 'node:buffer';
import { DATA_FIELD, DEAD_LETTER_PREFIX, REPLAY_PREFIX, RETRY_FIELD } from './entry-fields.js';
import type { DecodedEntry, StreamEntry } from './entry.js';
import { MalformedEntryError } from './errors/malformed-entry.error.js';

/** Up to six digits: no sign, no exponent, nothing that a lenient parser would read as another number. */
const RETRY_FORMAT = /^\d{1,6}$/;

/** At most three bytes of UTF-8 stand for one UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/**
 * Reads payload, headers and earlier attempts out of an entry.
 *
 * @param maxBytes - limit on all names and values together, checked before anything is parsed
 * @throws MalformedEntryError when the entry does not follow the wire format
 */
export function decodeEntry(entry: StreamEntry, maxBytes: number): DecodedEntry {
  const { fields } = entry;
  checkBytes(entry, maxBytes);

  let data: string | undefined;
  let retry: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === DATA_FIELD) data = fields[i + 1];
    else if (fields[i] === RETRY_FIELD) retry = fields[i + 1];
  }
  const priorAttempts = parseRetry(retry);
  if (data === undefined) {
    return { ...decodeFlat(fields), priorAttempts };
  }
  return { payload: parseJson(data), headers: headersOf(fields), priorAttempts };
}

function checkBytes({ fields, bytes }: StreamEntry, maxBytes: number): void {
  let units = 0;
  for (const text of fields) units += text.length;
  if (units > maxBytes || (units * MAX_BYTES_PER_UNIT > maxBytes && byteLength(fields) > maxBytes)) {
    throw new MalformedEntryError(`larger than the limit of ${maxBytes} bytes`);
  }
  if (bytes === 'lost') {
    throw new MalformedEntryError('it was deleted before its bytes could be read exactly');
  }
  bytes?.forEach((part, index) => {
    if (!isUtf8(part)) {
      throw new MalformedEntryError(
        index % 2 === 0 ? 'a field name is not UTF-8' : `the field "${fields[index - 1] ?? ''}" is not UTF-8`,
      );
    }
  });
}

function byteLength(fields: readonly string[]): number {
  return fields.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function parseRetry(retry: string | undefined): number {
  if (retry === undefined) return 0;
  if (!RETRY_FORMAT.test(retry)) {
    throw new MalformedEntryError(`the field "${RETRY_FIELD}" is not a number of one to six digits`);
  }
  return Number(retry);
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw new MalformedEntryError(`the field "${DATA_FIELD}" is not JSON`, { cause: error });
  }
}

function headersOf(fields: readonly string[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (name !== DATA_FIELD && name !== RETRY_FIELD) headers[name] = fields[i + 1] ?? '';
  }
  return headers;
}

function decodeFlat(fields: readonly string[]): Pick<DecodedEntry, 'payload' | 'headers'> {
  const payload = Object.create(null) as Record<string, string>;
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (name === RETRY_FIELD) continue;
    const target = name.startsWith(DEAD_LETTER_PREFIX) || name.startsWith(REPLAY_PREFIX) ? headers : payload;
    target[name] = value;
  }
  return { payload, headers };
}
