import { decodeEntry } from '../protocol/entry-decoder.js';
import type { DecodedEntry, StreamEntry } from '../protocol/entry.js';
import { decodeLetter } from '../protocol/letter-decoder.js';
import type { Source } from './received-event.js';

/** What dead-lettering adds to an entry at most, in bytes. */
const DIAGNOSIS_BYTES = 65_536;

/**
 * Reads an entry for a handler of its stream.
 *
 * @param maxBytes - limit on an entry's names and values together, before dead-lettering adds to it
 * @throws MalformedEntryError when it does not follow the wire format and is no dead letter
 */
export function decodeFor(
  { isDeadLetterStream }: Source,
  entry: StreamEntry,
  maxBytes: number,
): DecodedEntry {
  return isDeadLetterStream ? decodeLetter(entry, maxBytes + DIAGNOSIS_BYTES) : decodeEntry(entry, maxBytes);
}
