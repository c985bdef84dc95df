import { fieldPairs, unpackedFields } from './dead-letter.js';
import { decodeEntry } from './entry-decoder.js';
import { DATA_FIELD, DEAD_LETTER_PREFIX, isNamed, REPLAY_PREFIX, RETRY_FIELD } from './entry-fields.js';
import type { DecodedEntry, StreamEntry } from './entry.js';
import { readerOf } from './entry-reader.js';

/** The longest value that becomes a header of what cannot be decoded, in bytes. */
const LONGEST_HEADER = 65_536;

/**
 * Reads a dead letter for a handler of its stream. It never throws: what could not be decoded before cannot be now, and
 * the handler is to hear of it all the same, with an undefined payload.
 *
 * @param maxBytes - limit on all names and values together, beyond which the payload is not parsed
 */
export function decodeLetter(entry: StreamEntry, maxBytes: number): DecodedEntry {
  try {
    if (readerOf(entry).byteCount <= maxBytes) return decodeEntry(unpacked(entry), maxBytes);
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
    const isPayload = isFlat && !name.startsWith(DEAD_LETTER_PREFIX) && !name.startsWith(REPLAY_PREFIX);
    if (name !== DATA_FIELD && name !== RETRY_FIELD && !isPayload) headers[name] = value.toString();
  }
  return headers;
}
