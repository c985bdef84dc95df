import { isUtf8 } from 'node:buffer';
import { isNamed } from './entry-fields.js';
import type { StreamEntry } from './entry.js';
import type { FieldReader } from './field-reader.js';
import { WireEntry, wholeOf } from './wire-entry.js';

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
