import fc from 'fast-check';
import type { WireEntry } from '../protocol/wire-entry.js';
import { ReadReply, type ParseState } from './read-reply.js';

type Entry = readonly [id: string, parts: readonly Buffer[]];

const CRLF = Buffer.from('\r\n');
const bulk = (bytes: Buffer) => Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF]);

/** What Redis answers, written down independently of what reads it. */
function replyOf(stream: string, entries: readonly Entry[]): Buffer {
  const written = entries.map(([id, parts]) =>
    Buffer.concat([
      ...[Buffer.from('*2\r\n'), bulk(Buffer.from(id))],
      ...[Buffer.from(`*${parts.length}\r\n`), ...parts.map(bulk)],
    ]),
  );
  const head = [
    Buffer.from('*1\r\n*2\r\n'),
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
        (name, entries, places) => {
          const { reply, state } = pushAll(cutAt(replyOf(name, entries), places));
          expect(state).toBe('done');
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

  it.each([
    ['*-1\r\n', 'nothing came'],
    ['*2\r\n:1\r\n:2\r\n', 'another array'],
    ['*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n', 'slots of a cluster'],
    ['*1\r\n*2\r\n$-1\r\n', 'no name'],
    ['*1\r\n*2\r\n$6\r\norders\r\n*-1\r\n', 'no entries'],
    ['*1\r\n*2\r\n$6\r\norders\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*-1\r\n', 'an entry that was deleted'],
    ['*1\r\n*2\r\n$6\r\norders\r\n*1\r\n:1\r\n', 'an entry that is a number'],
    ['*\r\n', 'no number'],
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
