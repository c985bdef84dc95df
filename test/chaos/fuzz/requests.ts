import type { Random } from '../../integration/model/random.js';

/** A route with its method, as the API document has them. */
export interface Operation {
  readonly path: string;
  readonly method: string;
}

/** A request that nobody should send. */
export interface HostileRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array;
}

const WORDS = [
  ...[
    '',
    '0',
    '-1',
    '1e9',
    'NaN',
    'null',
    'undefined',
    'true',
    '%00',
    '%',
    '%zz',
    '%2e%2e%2f',
    '..',
    '*',
    '\u0000',
  ],
  ...[
    'a'.repeat(5_000),
    '💥',
    '\u202e',
    '<script>alert(1)</script>',
    "' OR 1=1--",
    '{orders}:order:1',
    '0-0',
    '1-1',
  ],
  ...[
    '18446744073709551615-18446744073709551615',
    '99999999999999999999999-1',
    '-',
    '+',
    '(1-1',
    '1-1-1',
    '[]',
    '{}',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '\r\nX-Injected: 1',
    '1_000',
    '0x10',
    ' ',
    '2026-13-45',
    'Infinity',
  ],
];
const TYPES = [
  ...['application/json', 'application/json; charset=utf-16', 'text/plain', 'application/xml', ''],
  ...[
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    'application/json; charset=none',
  ],
  ...['application/vnd.api+json', 'a/b/c', 'APPLICATION/JSON'],
];
const HEADERS: [string, string[]][] = [
  [
    'authorization',
    ['Bearer ', 'Bearer x', 'Basic Og==', 'Bearer ' + 'a'.repeat(5_000), 'bearer\tx', '\u00ff'],
  ],
  ['correlation-id', ['two words', 'x'.repeat(3_000), '\u00ff', '${jndi:ldap://a}', '']],
  ['idempotency-key', ['', ' ', 'x'.repeat(3_000), '{orders}:x', '\u00fe', '"quoted"']],
  ['accept', ['*/*', 'text/html', 'application/xml', 'image/png;q=0', '', 'garbage']],
  ['accept-encoding', ['gzip', 'br', 'identity;q=0', '*;q=0']],
  ['traceparent', ['00-0-0-0', 'x', '00-' + '0'.repeat(32) + '-' + '0'.repeat(16) + '-01']],
  ['if-none-match', ['*', 'W/"x"']],
  ['range', ['bytes=0-1', 'bytes=-1', 'x=1']],
  ['content-encoding', ['gzip', 'none', 'br', 'deflate']],
  ['x-forwarded-for', ['127.0.0.1', '::1', 'x'.repeat(1_000)]],
  ['last-event-id', ['0-0', '-1', 'x']],
  ['x-http-method-override', ['DELETE', 'TRACE']],
];

/** One hostile request to a route: a pure function of the random choices. */
export function hostileRequest(random: Random, { path, method }: Operation): HostileRequest {
  const target = path.replace(/\{[^}]+\}/g, () => encoded(random)) + query(random);
  const headers: Record<string, string> = {};
  for (let i = random.below(4); i > 0; i -= 1) {
    const [name, values] = random.pick(HEADERS) ?? ['accept', ['*/*']];
    headers[name] = random.pick(values) ?? '';
  }
  if (['GET', 'HEAD'].includes(method)) return { method, target, headers };
  headers['content-type'] = random.chance(0.7) ? 'application/json' : (random.pick(TYPES) ?? '');
  return { method, target, headers, body: body(random) };
}

function encoded(random: Random): string {
  const word = random.pick(WORDS) ?? '';
  // Some of them raw, as far as a URL can hold them: what is not decodable must be refused in order.
  return random.chance(0.3) && /^[\w%.*+()-]+$/.test(word) ? word : encodeURIComponent(word);
}

function query(random: Random): string {
  const names = [
    'limit',
    'cursor',
    'reason',
    'orderId',
    'since',
    'until',
    '__proto__',
    'limit[]',
    'a[b][c]',
    'dryRun',
  ];
  const pairs = Array.from(
    { length: random.below(4) },
    () => `${encodeURIComponent(random.pick(names) ?? '')}=${encoded(random)}`,
  );
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

function body(random: Random): string | Uint8Array {
  switch (random.below(8)) {
    case 0:
      return (
        random.pick(['', '{', 'null', '[]', '"text"', '42', '{"a":}', '\ufeff{}', '{"orderId":"\n"}']) ?? ''
      );
    case 1:
      return Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
    case 2:
      return '['.repeat(1 + random.below(20_000));
    case 3:
      return JSON.stringify({ orderId: 'a', customerId: 'x'.repeat(random.below(100_000)) });
    case 4: {
      const depth = random.below(5_000);
      return `${'{"filter":'.repeat(depth)}1${'}'.repeat(depth)}`;
    }
    default:
      return JSON.stringify(value(random, 3));
  }
}

const NAMES = [
  ...[
    'orderId',
    'customerId',
    'amount',
    'currency',
    'items',
    'createdAt',
    'filter',
    'ratePerSecond',
    'dryRun',
  ],
  ...[
    'reason',
    'since',
    'until',
    'limit',
    '__proto__',
    'constructor',
    'retry',
    'dlt-reason',
    'sku',
    'quantity',
    'ids',
  ],
];

function value(random: Random, depth: number): unknown {
  const kind = random.below(depth > 0 ? 8 : 5);
  if (kind === 0) return random.pick([null, true, false, 0, -1, 1e308, 0.1, 2 ** 53]);
  if (kind < 5) return random.pick(WORDS);
  if (kind === 5) return Array.from({ length: random.below(5) }, () => value(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: random.below(6) }, () => [random.pick(NAMES) ?? '', value(random, depth - 1)]),
  );
}
