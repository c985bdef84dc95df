import { decodeEntry } from './decode.js';
import { MalformedEntryError } from './errors.js';

const LIMIT = 1_000;
const BYTES = Buffer.from('fffe41', 'hex');

function decode(fields: readonly string[], limit = LIMIT) {
  return decodeEntry(exact(...fields), limit);
}

function exact(...parts: (string | Buffer)[]) {
  return { id: '1-1', parts: parts.map((part) => Buffer.from(part as string)) };
}

describe('decodeEntry', () => {
  it('takes everything beside data and retry as headers', () => {
    const decoded = decode([
      'data',
      '{"orderId":"42"}',
      'retry',
      '0',
      'traceparent',
      '00-1',
      'dlt-reason',
      'x',
    ]);

    expect(decoded.payload).toEqual({ orderId: '42' });
    expect({ ...decoded.headers }).toEqual({ traceparent: '00-1', 'dlt-reason': 'x' });
    expect(decoded.priorAttempts).toBe(0);
  });

  it('takes the fields of a flat entry as the payload, less those of the protocol', () => {
    const decoded = decode(['orderId', '42', 'retry', '3', 'dlt-reason', 'x', 'replay-group', 'g']);

    expect({ ...(decoded.payload as object) }).toEqual({ orderId: '42' });
    expect({ ...decoded.headers }).toEqual({ 'dlt-reason': 'x', 'replay-group': 'g' });
    expect(decoded.priorAttempts).toBe(3);
  });

  it('takes the headers that producers put next to flat fields as headers', () => {
    const sent = { traceparent: '00-1', tracestate: 'a=b', 'correlation-id': 'c' };
    const decoded = decode(['orderId', '42', ...Object.entries(sent).flat(), 'baggage', 'a bag']);

    expect({ ...(decoded.payload as object) }).toEqual({ orderId: '42', baggage: 'a bag' });
    expect({ ...decoded.headers }).toEqual(sent);
  });

  it('skips the byte order mark of a payload, and of the first name of a flat one', () => {
    expect(decode(['data', '\ufeff{"orderId":"42"}']).payload).toEqual({ orderId: '42' });
    expect(decode(['data', '"\ufeff"']).payload).toBe('\ufeff');
    const flat = decode(['\ufefforderId', '\ufeff42', '\ufeffnote', 'x']).payload;
    expect({ ...(flat as object) }).toEqual({ orderId: '\ufeff42', '\ufeffnote': 'x' });
  });

  it.each(['\ufeff', '\ufeff\ufeff1', '\ufeff{'])('refuses the JSON %j for all its mark', (data) => {
    expect(() => decode(['data', data])).toThrow('the field "data" is not JSON');
  });

  it('takes an entry of a retry count alone as an empty flat payload', () => {
    expect({ ...(decode(['retry', '0']).payload as object) }).toEqual({});
  });

  it.each([
    ['0', 0],
    ['2', 2],
    ['007', 7],
    ['999999', 999_999],
  ])('takes the retry count %j', (retry, attempts) => {
    expect(decode(['data', '{}', 'retry', retry]).priorAttempts).toBe(attempts);
    expect(decode(['orderId', '42', 'retry', retry]).priorAttempts).toBe(attempts);
  });

  it.each(['abc', '-5', '1e9', 'NaN', '', ' 1', '1 ', '1\n', '1234567', '+1', '0x1', '1.5', '٣', 'Infinity'])(
    'refuses the retry count %j',
    (retry) => {
      expect(() => decode(['data', '{}', 'retry', retry])).toThrow(MalformedEntryError);
      expect(() => decode(['orderId', '42', 'retry', retry])).toThrow(MalformedEntryError);
    },
  );

  it('takes the last of duplicate fields', () => {
    const decoded = decode([
      'data',
      '1',
      'data',
      '2',
      'retry',
      'x',
      'retry',
      '4',
      'tenant',
      'a',
      'tenant',
      'b',
    ]);

    expect(decoded.payload).toBe(2);
    expect(decoded.priorAttempts).toBe(4);
    expect(decoded.headers.tenant).toBe('b');
  });

  it('keeps prototypes clean of what fields are called', () => {
    const flat = decode(['__proto__', 'polluted', 'constructor', 'c', 'toString', 's']).payload as object;
    const { headers } = decode(['data', '{"__proto__":{"polluted":1}}', '__proto__', 'polluted']);

    expect(Object.keys(flat)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(Object.keys(headers)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(flat)).toBeNull();
    expect(Object.getPrototypeOf(headers)).toBeNull();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each(['', '{', "{'a':1}", 'undefined', '{"a":1}x', '\u0000'])('refuses the JSON %j', (data) => {
    expect(() => decode(['data', data])).toThrow('the field "data" is not JSON');
  });

  it('never repeats what a field held', () => {
    expect(() => decode(['data', '{"card":"4111'])).toThrow(expect.not.stringContaining('4111') as string);
    try {
      decode(['data', '{}', 'retry', 'secret']);
    } catch (error) {
      expect((error as Error).message).not.toContain('secret');
    }
    expect.assertions(2);
  });

  describe('size limit', () => {
    it('counts names and values, in bytes', () => {
      expect(decode(['name', 'value'], 9).payload).toBeDefined();
      expect(() => decode(['name', 'value'], 8)).toThrow('larger than the limit of 8 bytes');
    });

    it.each([
      ['€', 3],
      ['é', 2],
      ['😀', 4],
    ])('counts %s as %d bytes', (character, size) => {
      const value = character.repeat(100);
      expect(decode(['n', value], 1 + 100 * size).payload).toBeDefined();
      expect(() => decode(['n', value], 100 * size)).toThrow(MalformedEntryError);
    });

    it('is checked before anything is parsed', () => {
      expect(() => decode(['data', '{'.repeat(2_000), 'retry', 'x'])).toThrow('larger');
    });
  });

  describe('bytes that are not text', () => {
    it.each([
      ['a flat value', ['h', Buffer.from('fffe41', 'hex')], 'the field "h" is not UTF-8'],
      ['data', ['data', Buffer.from('22ff22', 'hex')], 'the field "data" is not UTF-8'],
      ['a flat name', [Buffer.from('ff', 'hex'), 'x'], 'a field name is not UTF-8'],
    ])('refuses them in %s', (_, parts, problem) => {
      expect(() => decodeEntry(exact(...parts), LIMIT)).toThrow(problem);
    });

    it.each<[string, (string | Buffer)[]]>([
      ['next to data', ['data', '1', 'tenant', 'a', 'h', BYTES, BYTES, 'x', BYTES, BYTES]],
      ['next to flat fields', ['n', '1', 'tracestate', BYTES, 'correlation-id', 'c', 'dlt-reason', BYTES]],
    ])('leaves them out of the headers %s, and says of which', (_, parts) => {
      const { payload, headers, unreadable } = decodeEntry(exact(...parts), LIMIT);
      const isFlat = parts[0] !== 'data';
      expect(payload).toEqual(isFlat ? { n: '1' } : 1);
      expect({ ...headers }).toEqual(isFlat ? { 'correlation-id': 'c' } : { tenant: 'a' });
      const nameless = '(its name is not UTF-8)';
      expect(unreadable).toEqual(isFlat ? ['tracestate', 'dlt-reason'] : ['h', nameless, nameless]);
    });

    it('takes the replacement character itself, which is text', () => {
      expect(decodeEntry(exact('data', '"\ufffd"'), LIMIT).payload).toBe('\ufffd');
    });
  });
});
