import { isUtf8 } from 'node:buffer';
import { type StreamEntry, isNamed } from './entry.js';

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
