import { jest } from '@jest/globals';
import fc from 'fast-check';
import type { WireEntry } from '../../entry/decode.js';
import { ReadReply, type ParseState } from './read-reply.js';

type Entry = readonly [id: string, parts: readonly Buffer[]];

const CRLF = Buffer.from('\r\n');
const bulk = (bytes: Buffer) => Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF]);

/** What Redis answers, written down independently of what reads it. */
function replyOf(stream: string, entries: readonly Entry[], resp: 2 | 3 = 2): Buffer {
  const written = entries.map(([id, parts]) =>
    Buffer.concat([
      ...[Buffer.from('*2\r\n'), bulk(Buffer.from(id))],
      ...[Buffer.from(`*${parts.length}\r\n`), ...parts.map(bulk)],
    ]),
  );
  const head = [
    Buffer.from(resp === 2 ? '*1\r\n*2\r\n' : '%1\r\n'),
    bulk(Buffer.from(stream)),
    Buffer.from(`*${entries.length}\r\n`),
  ];
  return Buffer.concat([...head, ...written]);
}

function pushAll(chunks: readonly Buffer[]): { reply: ReadReply; state: ParseState } {
  const reply = new ReadReply();
  let state: ParseState = 'more';
  for (const chunk of chunks) {
    expect(state).toBe('more');
    state = reply.push(chunk);
  }
  return { reply, state };
}

/** As text, byte for byte: Jest compares buffers number by number. */
const textOf = (bytes: Buffer) => bytes.toString('latin1');
const texts = (entries: readonly Entry[]) => entries.map(([id, parts]) => [id, ...parts.map(textOf)]);
const found = ({ entries }: ReadReply) => texts(entries.map(({ id, parts }) => [id, parts]));

function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const all = [...new Set(places.map((place) => 1 + (place % (bytes.length - 1))))].sort((a, b) => a - b);
  return [0, ...all].map((from, i) => bytes.subarray(from, all[i] ?? bytes.length));
}

// Bytes that look like the protocol are as welcome as any others.
const part = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('\r\n', '$5\r\nabcde\r\n', '*2\r\n', '-ERR x\r\n', 'data', '')
    .map((text) => Buffer.from(text)),
  fc.integer({ min: 900, max: 5_000 }).map((length) => Buffer.alloc(length, 'x')),
);
const entry = fc.tuple(
  fc.tuple(fc.nat(), fc.nat()).map(([ms, sequence]) => `${ms}-${sequence}`),
  fc.array(fc.tuple(part, part), { maxLength: 12 }).map((fields) => fields.flat()),
);
const stream = fc.string({ unit: 'binary', maxLength: 30 });

describe('ReadReply', () => {
  it('finds the entries wherever the answer was cut', () => {
    fc.assert(
      fc.property(
        stream,
        fc.array(entry, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        fc.constantFrom(2, 3),
        (name, entries, places, resp) => {
          const { reply, state } = pushAll(cutAt(replyOf(name, entries, resp), places));
          expect(state).toBe('done');
          expect(reply.isMap).toBe(resp === 3);
          expect(found(reply)).toEqual(texts(entries));
          expect(reply.rest).toBeUndefined();
          expect(reply.chunks).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  const few: Entry[] = [
    ['1-0', [Buffer.from('data'), Buffer.from('{"a":1}'), Buffer.from('retry'), Buffer.from('0')]],
    ['1718000000000-12', [Buffer.from('\r\n$1'), Buffer.alloc(2_000, 0xff)]],
  ];
  const reply = replyOf('orders', few);

  it('finds them byte for byte', () => {
    const { reply: parsed, state } = pushAll(cutAt(reply, [...reply.keys()]));
    expect(state).toBe('done');
    expect(found(parsed)).toEqual(texts(few));
  });

  it.each([...Array.from({ length: 120 }, (_, i) => i + 1), reply.length - 2, reply.length - 1])(
    'finds them in two pieces, the first of %i bytes',
    (place) => {
      const { reply: parsed, state } = pushAll([reply.subarray(0, place), reply.subarray(place)]);
      expect(state).toBe('done');
      expect(found(parsed)).toEqual(texts(few));
    },
  );

  it('leaves what follows the answer alone, wherever it was cut', () => {
    const after = Buffer.from('+OK\r\n');
    for (let place = 1; place < reply.length; place += 1) {
      const pieces = [reply.subarray(0, place), Buffer.concat([reply.subarray(place), after])];
      const { reply: parsed } = pushAll(pieces);
      expect(parsed.rest?.toString()).toBe('+OK\r\n');
      expect(found(parsed)).toHaveLength(2);
    }
  });

  it('reads large entries of many chunks without copying them for each', () => {
    const large: Entry[] = [['1-0', Array.from({ length: 40 }, (_, i) => Buffer.alloc(100_000, i))]];
    const bytes = replyOf('orders', large);
    const places = Array.from({ length: bytes.length / 10_000 }, (_, i) => 10_000 * (i + 1) - 2);
    const copy = jest.spyOn(Buffer.prototype, 'copy');
    const { reply: parsed, state } = pushAll(cutAt(bytes, places));
    const copied = copy.mock.results.reduce((sum, { value }) => sum + Number(value), 0);
    copy.mockRestore();
    expect(state).toBe('done');
    expect(copied).toBeLessThan(4 * bytes.length);
    expect(parsed.entries[0]?.parts.map((one) => one[0])).toEqual(large[0]?.[1].map((_, i) => i));
  });

  it('waits for what is announced without making room for all of it', () => {
    const { state } = pushAll([
      Buffer.from('*1\r\n*2\r\n$6\r\norders\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$999999999999999\r\n'),
      Buffer.from('abc'),
    ]);
    expect(state).toBe('more');
  });

  it.each([
    ['*-1\r\n', 'nothing came'],
    ['*2\r\n:1\r\n:2\r\n', 'another array'],
    ['*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n', 'slots of a cluster'],
    ['*1\r\n*2\r\n$-1\r\n', 'no name'],
    ['*1\r\n*2\r\n$6\r\norders\r\n*-1\r\n', 'no entries'],
    ['*1\r\n*2\r\n$6\r\norders\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*-1\r\n', 'an entry that was deleted'],
    ['*1\r\n*2\r\n$6\r\norders\r\n*1\r\n:1\r\n', 'an entry that is a number'],
    ['*\r\n', 'no number'],
    ['%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n', 'another map'],
    ['%1\r\n+a\r\n:1\r\n', 'a map without a stream'],
    ['*1x\r\n', 'a number that goes on otherwise'],
  ])('gives %j back: %s', (text) => {
    const bytes = Buffer.from(text);
    for (let place = 1; place < bytes.length; place += 1) {
      const parsed = new ReadReply();
      const pieces = [bytes.subarray(0, place), bytes.subarray(place)];
      let seen = 0;
      let state: ParseState = 'more';
      for (const piece of pieces) {
        if (state !== 'more') break;
        seen += piece.length;
        state = parsed.push(piece);
      }
      expect(state).toBe('other');
      expect(textOf(Buffer.concat(parsed.chunks))).toBe(text.slice(0, seen));
    }
  });
});

describe('an entry that came in a large chunk', () => {
  it('can be detached from it, and stays what it is', () => {
    const parts = ['data', '{"a":"ä"}', 'retry', '3'].map((text) => Buffer.from(text));
    const many: Entry[] = Array.from({ length: 50 }, (_, i) => [`1-${i}`, parts]);
    const { reply: parsed } = pushAll([replyOf('orders', many)]);
    const [first, second] = parsed.entries as WireEntry[];
    first?.detach();
    expect(first?.parts).toEqual(parts);
    expect(first?.parts[0]?.buffer.byteLength).toBeLessThan(100);
    expect(second?.parts).toEqual(parts);
  });
});
