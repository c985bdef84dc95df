import fc from 'fast-check';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { originalFields } from '../../support/original-fields.js';

const ADDED = ['retry', '2', 'dlt-reason', 'retries-exhausted', 'dlt-original-id', '1-1'];

const flat = (pairs: readonly (readonly [string | Buffer, string | Buffer])[]): Buffer[] =>
  pairs.flat().map((part) => Buffer.from(part));

/** What an entry holds is kept, whatever it is; every one is an attack that was seen or thought of. */
const ENTRIES: Record<string, Buffer[]> = {
  'fields that collide with what is added': flat([
    ['retry', '7'],
    ['dlt-reason', 'mine'],
    ['dlt-original-field-dlt-reason', 'nested'],
    ['dlt-original-packed', '3:abc,'],
    ['dlt-unknown', ''],
  ]),
  'fields twice': flat([
    ['orderId', '1'],
    ['orderId', '2'],
    ['retry', '0'],
    ['retry', '1'],
  ]),
  'names of the prototype': flat([
    ['__proto__', 'polluted'],
    ['constructor', 'x'],
    ['toString', 'y'],
  ]),
  'bytes that are not UTF-8': flat([
    [Buffer.from([0xff, 0xfe]), Buffer.from([0xff, 0xfe, 0x41])],
    ['data', Buffer.from([0x00, 0x0d, 0x0a, 0x80])],
  ]),
  'nothing in names and values': flat([
    ['', ''],
    ['a', ''],
    ['', 'b'],
  ]),
  'a retry that is no number': flat([
    ['retry', 'abc'],
    ['retry', '-5'],
    ['retry', '1e9'],
  ]),
  '1,000 fields': flat(Array.from({ length: 1_000 }, (_, i) => [`f${i}`, `v${i}`])),
  '1,001 fields': flat(Array.from({ length: 1_001 }, (_, i) => [`f${i}`, `v${i}`])),
  '1,500 fields, bytes among them': flat(
    Array.from({ length: 1_500 }, (_, i) => [`f${i}`, Buffer.from([0xff, i % 256, 0x3a, 0x2c])]),
  ),
  '5,000 fields': flat(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, `v${i}`])),
  'a megabyte': flat([['data', 'x'.repeat(1_000_000)]]),
};

/** Dead-letters an entry with these fields and resolves with the fields of the dead letter. */
async function deadLettered(world: FunctionWorld, fields: Buffer[], replays = 0): Promise<Buffer[]> {
  const id = await world.delivered(fields);
  const written = await world.broker().deadLetter(world.stream, {
    ...{ entry: { id, deliveryCount: 1 }, owner: 'worker', leastIdleMs: 0, replays },
    ...{ added: ADDED, held: [], writes: [] },
  });
  expect(written.settlement).toBe('done');
  const letterId = written.deadLetterId ?? '';
  const [letter] = await world.redis.xrangeBuffer(world.letters, letterId, letterId);
  return letter?.[1] ?? [];
}

const name = fc.oneof(
  fc.constantFrom(
    'retry',
    'dlt-reason',
    'dlt-original-packed',
    'dlt-original-field-x',
    '__proto__',
    'data',
    '',
  ),
  fc.string({ maxLength: 8 }),
);
const bytes = fc.oneof(
  name.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)),
);
const anyFields = fc.array(fc.tuple(bytes, bytes), { minLength: 1, maxLength: 20 });

onEveryServer('A dead letter', (world) => {
  it.each(Object.entries(ENTRIES))('keeps every byte of an entry with %s', async (_, fields) => {
    const letter = await deadLettered(world(), fields);
    expect(originalFields(letter).map(String)).toHaveLength(fields.length);
    expect(Buffer.concat(originalFields(letter)).equals(Buffer.concat(fields))).toBe(true);
    expect(originalFields(letter).every((part, i) => part.equals(fields[i] ?? Buffer.of()))).toBe(true);
  });

  it('keeps every byte of any entry', async () => {
    await fc.assert(
      fc.asyncProperty(anyFields, async (pairs) => {
        const fields = flat(pairs);
        expect(originalFields(await deadLettered(world(), fields))).toEqual(fields);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['a plain entry', [['orderId', '1']]],
    ['an entry of more than 1,000 fields', Array.from({ length: 1_001 }, (_, i) => [`f${i}`, ''])],
  ] as [string, [string, string][]][])('goes on counting the replays of %s', async (_, pairs) => {
    const letter = (await deadLettered(world(), flat([['dlt-replays', '3'], ...pairs]), 3)).map(String);
    expect(letter.slice(-2)).toEqual(['dlt-replays', '3']);
    expect(letter).not.toContain('dlt-original-field-dlt-replays');
  });

  it.each(['', '-1', 'abc', '3'])('does not believe a producer the replays "%s"', async (replays) => {
    const letter = (await deadLettered(world(), flat([['dlt-replays', replays]]))).map(String);
    expect(letter.slice(-2)).toEqual(['dlt-replays', '0']);
    expect(letter).toContain('dlt-original-field-dlt-replays');
  });
});
