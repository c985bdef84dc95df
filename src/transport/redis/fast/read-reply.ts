import type { StreamEntry } from '../../entry/entry.js';
import { WireEntry } from '../../entry/decode.js';

const CR = 13;
const ARRAY = 42; // *
const BULK = 36; // $
const MAP = 37; // %
/** Longest number that is read; no length in a reply of Redis is longer. */
const MOST_DIGITS = 15;
/** How much at least is taken from the next chunk for an entry that began in the one before. */
const STEP_BYTES = 1_024;
/** How much room is made at most for what is only announced. */
const MOST_AHEAD_BYTES = 1_048_576;

/** What a number that was looked for turned out to be. */
const INCOMPLETE = -1;
const UNEXPECTED = -2;

/** `done`; `more` is to come; `other`: this is no answer with entries. */
export type ParseState = 'done' | 'more' | 'other';

/**
 * Takes the answer of XREADGROUP for one stream apart (RESP2 or RESP3) as its chunks arrive, wherever they were cut. The entries
 * lie in the chunks; what one entry has in two of them is copied together, and nothing else.
 *
 * What it does not expect it leaves alone: {@link chunks} are then everything that was seen.
 */
export class ReadReply {
  readonly entries: StreamEntry[] = [];
  /** What came, until the answer is complete. */
  chunks: Buffer[] = [];
  /** What followed the answer. */
  rest: Buffer | undefined;
  /** Whether it is one of RESP3. */
  isMap = false;
  private remaining = -1;
  /** The beginning of something that goes on in the next chunk, and how much of the buffer that is. */
  private held: Buffer | undefined;
  private heldLength = 0;
  /** How far the entry must reach at least before it is worth another look. */
  private needed = 0;

  private buffer: Buffer = Buffer.alloc(0);
  private end = 0;
  private position = 0;
  // Of the entry that is being read:
  private id: string | undefined;
  private partsLeft = -1;
  private hasBegun = false;
  private bounds: number[] = [];

  /** Takes what came next. */
  push(chunk: Buffer): ParseState {
    this.chunks.push(chunk);
    const state = this.remaining < 0 ? this.pushHeader(chunk) : this.pushEntries(chunk, 0);
    if (state === 'done') this.chunks = [];
    return state;
  }

  /** `*1 *2 $<stream> *<entries>`, or `%1 $<stream> *<entries>`: short, so it is read again when more of it comes. */
  private pushHeader(chunk: Buffer): ParseState {
    const before = this.heldLength;
    const all = this.held ? Buffer.concat([this.held, chunk]) : chunk;
    this.look(all, all.length, 0);
    this.isMap = all[0] === MAP;
    const streams = this.number(this.isMap ? MAP : ARRAY);
    if (streams === 1) {
      const pair = this.isMap ? 2 : this.number(ARRAY);
      const name = pair === 2 ? this.number(BULK) : pair === INCOMPLETE ? INCOMPLETE : UNEXPECTED;
      if (name === UNEXPECTED) return 'other';
      if (name !== INCOMPLETE && this.position + name + 2 <= this.end) {
        this.position += name + 2;
        const count = this.number(ARRAY);
        if (count === UNEXPECTED) return 'other';
        if (count !== INCOMPLETE) {
          this.remaining = count;
          this.held = undefined;
          return this.pushEntries(chunk, this.position - before);
        }
      }
    } else if (streams !== INCOMPLETE) return 'other';
    this.held = all;
    this.heldLength = all.length;
    return 'more';
  }

  private pushEntries(chunk: Buffer, from: number): ParseState {
    let at = from;
    if (this.held) {
      const state = this.goOn(chunk);
      if (state !== 'done') return state;
      at = this.position;
    }
    while (this.remaining > 0) {
      this.look(chunk, chunk.length, at);
      const state = this.entry();
      if (state === 'other') return state;
      if (state === 'more') {
        this.hold(chunk, at);
        return state;
      }
      at = this.position;
    }
    if (at < chunk.length) this.rest = chunk.subarray(at);
    return 'done';
  }

  /** Keeps the beginning of an entry, in a buffer of its own. */
  private hold(chunk: Buffer, from: number): void {
    const length = chunk.length - from;
    const announced = Math.min(this.needed - from, MOST_AHEAD_BYTES);
    this.held = Buffer.allocUnsafe(Math.max(announced, length + STEP_BYTES));
    this.heldLength = chunk.copy(this.held, 0, from);
    this.needed -= from;
    this.position -= from;
    for (let i = 0; i < this.bounds.length; i += 1) this.bounds[i] = (this.bounds[i] ?? 0) - from;
  }

  /** Goes on with the entry that began before this chunk; then {@link position} is where the next one begins in it. */
  private goOn(chunk: Buffer): ParseState {
    for (let at = 0; at < chunk.length;) {
      const length = Math.min(chunk.length - at, Math.max(this.needed - this.heldLength, STEP_BYTES));
      const held = this.reserve(length);
      chunk.copy(held, this.heldLength, at, at + length);
      this.heldLength += length;
      at += length;
      if (this.heldLength < this.needed) continue;
      this.look(held, this.heldLength, this.position);
      const state = this.entry();
      if (state === 'other') return state;
      if (state === 'done') {
        this.position = at - (this.heldLength - this.position);
        this.held = undefined;
        return state;
      }
    }
    return 'more';
  }

  /** Room for a number of bytes more; it doubles, so that an entry of many chunks is not copied for each. */
  private reserve(length: number): Buffer {
    const held = this.held ?? Buffer.alloc(0);
    if (this.heldLength + length <= held.length) return held;
    const larger = Buffer.allocUnsafe(Math.max(2 * held.length, this.heldLength + length));
    held.copy(larger, 0, 0, this.heldLength);
    this.held = larger;
    return larger;
  }

  private look(buffer: Buffer, end: number, position: number): void {
    this.buffer = buffer;
    this.end = end;
    this.position = position;
  }

  /** `*2 $<id> *<parts> $<part> …`, from where it was left. */
  private entry(): ParseState {
    if (!this.hasBegun) {
      const pair = this.number(ARRAY);
      if (pair !== 2) return this.without(pair);
      this.hasBegun = true;
    }
    if (this.id === undefined) {
      const from = this.position;
      const length = this.bulk(from);
      if (length < 0) return this.without(length);
      const end = this.position - 2;
      this.id = this.buffer.toString('latin1', end - length, end);
    }
    if (this.partsLeft < 0) {
      const parts = this.number(ARRAY);
      if (parts < 0) return this.without(parts);
      this.partsLeft = parts;
    }
    while (this.partsLeft > 0) {
      const length = this.bulk(this.position);
      if (length < 0) return this.without(length);
      this.bounds.push(this.position - 2 - length, this.position - 2);
      this.partsLeft -= 1;
    }
    this.entries.push(new WireEntry(this.id, this.buffer, this.bounds));
    this.remaining -= 1;
    this.hasBegun = false;
    this.id = undefined;
    this.partsLeft = -1;
    this.bounds = [];
    return 'done';
  }

  private without(problem: number): ParseState {
    return problem === INCOMPLETE ? 'more' : 'other';
  }

  /** Passes over a text. @returns its length, or what is the matter; then it is looked for again from where it begins */
  private bulk(from: number): number {
    const length = this.number(BULK);
    if (length < 0) return length;
    if (this.position + length + 2 > this.end) {
      this.needed = this.position + length + 2;
      this.position = from;
      return INCOMPLETE;
    }
    this.position += length + 2;
    return length;
  }

  /** A type and a number in a line of their own. */
  private number(type: number): number {
    const { buffer, end, position } = this;
    if (position >= end) return this.lacksLine();
    if (buffer[position] !== type) return UNEXPECTED;
    let value = 0;
    for (let at = position + 1; at < end; at += 1) {
      const byte = buffer[at] ?? 0;
      if (byte === CR) {
        if (at === position + 1) return UNEXPECTED;
        if (at + 2 > end) return this.lacksLine();
        this.position = at + 2;
        return value;
      }
      const digit = byte - 48;
      if (digit < 0 || digit > 9 || at - position > MOST_DIGITS) return UNEXPECTED;
      value = value * 10 + digit;
    }
    return this.lacksLine();
  }

  private lacksLine(): number {
    this.needed = this.end + 1;
    return INCOMPLETE;
  }
}
