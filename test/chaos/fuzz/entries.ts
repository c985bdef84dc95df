import { Random } from '../../integration/model/random.js';

/** What must become of an entry; `either` where only this is sure: one of both. */
export type Fate = 'processed' | 'dead-lettered' | 'either';

/** An entry as it is sent: names and values in turn. */
export interface HostileEntry {
  readonly fields: readonly Buffer[];
  readonly fate: Fate;
  /** Of an order that is valid. */
  readonly orderId: string;
}

type Make = (random: Random, orderId: string) => [fate: Fate, fields: (string | Buffer)[]];

const json = (value: unknown): string => JSON.stringify(value);
const bytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.below(256)));

const GOOD_RETRIES = ['0', '1', '2', '7', '000000', '999999'];
const BAD_RETRIES = [
  ...[
    'abc',
    '-5',
    '1e9',
    'NaN',
    '',
    ' 1',
    '1 ',
    '+1',
    '1.0',
    '0x1',
    '1234567',
    'Infinity',
    '١',
    '1\n',
    'null',
  ],
  ...['999999999999999999999', '--1', '1,0', '[]', '\u0000'],
];
const BAD_IDS = [
  ...[
    '',
    ' ',
    'a b',
    'line\nbreak',
    '\u001b[31mred',
    'x'.repeat(129),
    '../../etc',
    '{orders}:order:1',
    'ä',
    '４２',
  ],
  ...['\u2028', '\u202e', 'a\u0000b', '<script>', "';--", '${7*7}', '%00', '*', 'a\r\nSET b c'],
];
const NOT_IDS: unknown[] = [null, 42, true, [], ['42'], {}, { $ne: null }, 1e308];
const BAD_VALUES: [string, unknown][] = [
  ...['amount', 'items', 'createdAt', 'currency', 'customerId'].flatMap((name): [string, unknown][] => [
    [name, { nested: { deep: [] } }],
    [name, [[[]]]],
    [name, ''],
  ]),
  ['amount', -1],
  ['amount', '1e9'],
  ['amount', -1e308],
  ['currency', 'EURO'],
  ['createdAt', 'yesterday'],
  ['createdAt', 1],
  ['items', [{ sku: 'a' }]],
  ['items', [null]],
  ['items', [{ sku: 'a', quantity: 1e9 }]],
];
const UNKNOWN_NAMES = ['admin', 'retry', 'dlt-reason', 'data', 'orderid', '', '\u0000', '$where'];
/** Those are dropped where they are unknown. */
const INHERITED_NAMES = ['constructor', 'toString', 'hasOwnProperty', 'valueOf', '__proto__'];
const BROKEN_JSON = [
  ...[
    '',
    '{',
    '}',
    '[',
    'nul',
    '{"orderId":',
    '{"orderId":"1"',
    "{'orderId':'1'}",
    '{"orderId":"1",}',
    'NaN',
  ],
  ...[
    '{"orderId":"1"}}',
    '\ufeff{}x',
    '{"a":\u0000}',
    '"\\ud800',
    '01',
    '{"orderId":"\n"}',
    '/*x*/{}',
    'undefined',
  ],
];
const NOT_OBJECTS = ['null', '42', 'true', '"text"', '[]', '["orderId"]', '{}', '[[[[]]]]', '1e400', '-0'];

const header = (random: Random): (string | Buffer)[] => {
  const names = [
    'traceparent',
    'correlation-id',
    '__proto__',
    'constructor',
    '',
    '\u001b[2J',
    'x'.repeat(300),
  ];
  const values = ['00-0-0-00', '\r\ninjected: 1', '\u2028', '', 'v'.repeat(2_000), '{"a":1}', '\u0000\u0001'];
  return [random.pick(names) ?? '', random.pick(values) ?? ''];
};

const MAKERS: readonly Make[] = [
  // Valid ones among the others: they must come through unharmed.
  (random, orderId) => ['processed', ['data', json({ orderId }), 'retry', random.pick(GOOD_RETRIES) ?? '0']],
  (_, orderId) => ['processed', ['orderId', orderId]],
  (random, orderId) => [
    'processed',
    ['data', json({ orderId, amount: random.next(), currency: 'EUR' }), ...header(random)],
  ],
  (_, orderId) => ['processed', ['data', 'ignored', 'data', json({ orderId }), 'retry', 'x', 'retry', '0']],
  (_, orderId) => [
    'processed',
    ['dlt-reason', 'none', 'replay-of', '1-1', 'orderId', orderId, 'dlt-replays', '3'],
  ],
  (_, orderId) => ['processed', ['data', `\n {"orderId" : ${json(orderId)}, "items":null}\t`]],
  (_, orderId) => [
    'processed',
    [
      'data',
      json({ orderId, items: Array.from({ length: 900 }, (__, i) => ({ sku: `s${i}`, quantity: 1 })) }),
    ],
  ],
  (_, orderId) => ['processed', ['data', json({ orderId }), 'note', 'n'.repeat(200_000)]],
  // A header that is not UTF-8 is left out.
  (random, orderId) => [
    'processed',
    ['data', json({ orderId }), Buffer.from([0x80, random.below(256)]), 'v'],
  ],
  // Invalid ones.
  (random, orderId) => [
    'dead-lettered',
    ['data', json({ orderId }), 'retry', random.pick(BAD_RETRIES) ?? 'x'],
  ],
  (random) => ['dead-lettered', ['orderId', '1', 'retry', random.pick(BAD_RETRIES) ?? 'x']],
  (random) => ['dead-lettered', ['data', random.pick(BROKEN_JSON) ?? '']],
  (random) => ['dead-lettered', ['data', random.pick(NOT_OBJECTS) ?? '']],
  (random) => ['dead-lettered', ['data', json({ orderId: random.pick(BAD_IDS) })]],
  (random) => ['dead-lettered', ['data', json({ orderId: random.pick(NOT_IDS) })]],
  (random) => ['dead-lettered', ['orderId', random.pick(BAD_IDS) ?? '']],
  (random, orderId) => {
    const [name, value] = random.pick(BAD_VALUES) ?? ['amount', -1];
    return ['dead-lettered', ['data', json({ orderId, [name]: value })]];
  },
  (random, orderId) => ['dead-lettered', ['data', json({ orderId, [random.pick(UNKNOWN_NAMES) ?? 'a']: 1 })]],
  (random) => ['dead-lettered', ['data', Buffer.concat([Buffer.from([0xff, 0xfe]), bytes(random, 40)])]],
  (_, orderId) => ['dead-lettered', ['data', json({ orderId }), 'note', 'n'.repeat(262_144)]],
  (random) => ['dead-lettered', ['data', '['.repeat(1 + random.below(50_000))]],
  (random) => ['dead-lettered', ['', '', random.pick(['', '\u0000', 'x']) ?? '', '']],
  (_, orderId) => [
    'dead-lettered',
    ['data', json({ orderId, items: Array.from({ length: 1_001 }, () => 1) })],
  ],
  (random, orderId) => [
    'processed',
    ['data', json({ orderId, [random.pick(INHERITED_NAMES) ?? '']: { a: 1 } })],
  ],
  // Those of which only one end is sure.
  (random) => ['either', [bytes(random, 1 + random.below(30)), bytes(random, random.below(200))]],
  (random, orderId) => {
    const count = 1 + random.below(60) * random.below(60);
    return [
      'either',
      ['orderId', orderId, ...Array.from({ length: count }, (_, i) => [`f${i}`, 'v']).flat()],
    ];
  },
  (random, orderId) => {
    const depth = 1 + random.below(10_000);
    return [
      'either',
      ['data', `{"orderId":${json(orderId)},"items":${'['.repeat(depth)}${']'.repeat(depth)}}`],
    ];
  },
  (random, orderId) => [
    'either',
    ['data', `{"__proto__":{"orderId":"${orderId}","isAdmin":${random.chance(0.5)}},"orderId":"${orderId}"}`],
  ],
  (_, orderId) => [
    'either',
    ['data', `{"orderId":"${orderId}","orderId":"${orderId}","constructor":{"prototype":{}}}`],
  ],
  (_, orderId) => ['either', ['__proto__', 'x', 'orderId', orderId, 'constructor', 'y']],
  (_, orderId) => ['either', ['orderId', orderId, 'items', '[{"sku":"a","quantity":1}]', 'amount', '12.50']],
  (random) => ['either', ['data', mutated(random, json({ orderId: 'a-1', amount: 1.5, currency: 'EUR' }))]],
];

/** Valid, and any of it may be damaged. */
function mutated(random: Random, text: string): Buffer {
  const buffer = Buffer.from(text);
  for (let i = 0; i <= random.below(4); i += 1) buffer[random.below(buffer.length)] = random.below(256);
  return buffer;
}

/** The big ones are rare: what they test does not get better by repetition. */
const BIG = 3_000;
const BIG_SHARE = 0.02;

/** The entry with this number: a pure function of the seed. */
export function hostileEntry(seed: number, index: number): HostileEntry {
  const random = new Random(seed * 1_000_003 + index);
  const orderId = `fuzz-${seed}-${index}`;
  for (;;) {
    const make = random.pick(MAKERS);
    if (!make) throw new Error('There is no kind of entry.');
    const [fate, parts] = make(random, orderId);
    const fields = parts.map((part) => Buffer.from(part));
    const size = fields.reduce((sum, { length }) => sum + length, 0);
    if (size < BIG || random.chance(BIG_SHARE)) return { fields, fate, orderId };
  }
}
