const PREFIX = 'dlt-';
const RENAMED = 'dlt-original-field-';
const PACKED = 'dlt-original-packed';

/** Names and values in turn, as a map; of two with one name the last. */
export function fieldsOf(list: readonly string[]): Record<string, string> {
  const fields = Object.create(null) as Record<string, string>;
  for (let i = 0; i < list.length; i += 2) fields[list[i] ?? ''] = list[i + 1] ?? '';
  return fields;
}

/**
 * The fields that an entry had before it was dead-lettered, names and values in turn, byte for byte: those that a dead
 * letter added left out, those that it renamed under their own names, those that it packed unpacked.
 */
export function originalFields(deadLetter: readonly Buffer[]): Buffer[] {
  const originals: Buffer[] = [];
  for (let i = 0; i < deadLetter.length; i += 2) {
    const [name, value] = [deadLetter[i], deadLetter[i + 1]];
    if (!name || !value) throw new Error('A dead letter has names and values in turn.');
    const text = name.toString('latin1');
    if (text === PACKED) return unpacked(value);
    if (text.startsWith(RENAMED)) originals.push(name.subarray(RENAMED.length), value);
    else if (text !== 'retry' && !text.startsWith(PREFIX)) originals.push(name, value);
  }
  return originals;
}

/** `<length>:<bytes>,` one after the other (netstrings). */
function unpacked(packed: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < packed.length;) {
    const colon = packed.indexOf(':', at);
    const end = colon + 1 + Number(packed.toString('latin1', at, colon));
    if (colon < 0 || packed.toString('latin1', end, end + 1) !== ',')
      throw new Error(`No part begins at ${at}.`);
    parts.push(packed.subarray(colon + 1, end));
    at = end + 1;
  }
  return parts;
}
