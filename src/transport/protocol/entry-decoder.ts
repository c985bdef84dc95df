import { isUtf8 } from 'node:buffer';
import { DATA_FIELD, DEAD_LETTER_PREFIX, isNamed, REPLAY_PREFIX, RETRY_FIELD } from './entry-fields.js';
import type { DecodedEntry, Headers, StreamEntry } from './entry.js';
import { MalformedEntryError } from './errors/malformed-entry.error.js';

/** Up to six digits: no sign, no exponent, nothing that a lenient parser would read as another number. */
const RETRY_FORMAT = /^\d{1,6}$/;
const NO_HEADERS: Headers = Object.freeze(Object.create(null) as Record<string, string>);

/**
 * Reads payload, headers and earlier attempts out of an entry.
 *
 * @param maxBytes - limit on all names and values together, checked before anything is parsed
 * @throws MalformedEntryError when the entry does not follow the wire format
 */
export function decodeEntry({ parts }: StreamEntry, maxBytes: number): DecodedEntry {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  if (bytes > maxBytes) throw new MalformedEntryError(`larger than the limit of ${maxBytes} bytes`);

  let data: Buffer | undefined;
  let retry: Buffer | undefined;
  let others = 0;
  for (let i = 0; i < parts.length; i += 2) {
    const name = parts[i];
    if (isNamed(name, DATA_FIELD)) data = parts[i + 1];
    else if (isNamed(name, RETRY_FIELD)) retry = parts[i + 1];
    else others += 1;
  }
  const priorAttempts = parseRetry(retry);
  if (data === undefined) return { ...decodeFlat(parts), priorAttempts };
  const payload = parseJson(data);
  return { payload, headers: others === 0 ? NO_HEADERS : headersOf(parts), priorAttempts };
}

function parseRetry(retry: Buffer | undefined): number {
  if (retry === undefined) return 0;
  const text = retry.toString('latin1');
  if (!RETRY_FORMAT.test(text)) {
    throw new MalformedEntryError(`the field "${RETRY_FIELD}" is not a number of one to six digits`);
  }
  return Number(text);
}

function parseJson(data: Buffer): unknown {
  const text = textOf(data, DATA_FIELD);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MalformedEntryError(`the field "${DATA_FIELD}" is not JSON`, { cause: error });
  }
}

function headersOf(parts: readonly Buffer[]): Record<string, string> {
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i < parts.length; i += 2) {
    const name = nameOf(parts[i]);
    if (name !== DATA_FIELD && name !== RETRY_FIELD) headers[name] = textOf(parts[i + 1], name);
  }
  return headers;
}

function decodeFlat(parts: readonly Buffer[]): Pick<DecodedEntry, 'payload' | 'headers'> {
  const payload = Object.create(null) as Record<string, string>;
  const headers = Object.create(null) as Record<string, string>;
  for (let i = 0; i < parts.length; i += 2) {
    const name = nameOf(parts[i]);
    const value = textOf(parts[i + 1], name);
    if (name === RETRY_FIELD) continue;
    const target = name.startsWith(DEAD_LETTER_PREFIX) || name.startsWith(REPLAY_PREFIX) ? headers : payload;
    target[name] = value;
  }
  return { payload, headers };
}

function nameOf(part: Buffer | undefined): string {
  if (part && !isUtf8(part)) throw new MalformedEntryError('a field name is not UTF-8');
  return part?.toString() ?? '';
}

function textOf(part: Buffer | undefined, name: string): string {
  if (part && !isUtf8(part)) throw new MalformedEntryError(`the field "${name}" is not UTF-8`);
  return part?.toString() ?? '';
}
