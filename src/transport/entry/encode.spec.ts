import fc from 'fast-check';
import { decodeEntry } from './decode.js';
import { encodeEntry } from './encode.js';
import { isReservedField } from './entry.js';
import { UnencodableEventError } from './client-errors.js';

const LIMIT = 1_000_000;

/** What Redis hands back for the fields: text that went over the wire as UTF-8. */
function overTheWire(fields: readonly string[]) {
  return { id: '1-1', parts: fields.map((text) => Buffer.from(text)) };
}

const text = fc.string({ unit: 'binary' });
const headerName = text.filter((name) => !isReservedField(name));
const headers = fc.dictionary(headerName, text, { noNullPrototype: true });

describe('encodeEntry, then decodeEntry', () => {
  it('gives back any JSON payload and any headers', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), headers, (payload, sent) => {
        const decoded = decodeEntry(overTheWire(encodeEntry(payload, sent, 'json')), LIMIT);

        expect(decoded.payload).toEqual(JSON.parse(JSON.stringify(payload)));
        expect(Object.entries(decoded.headers)).toEqual(Object.entries(sent));
        expect(decoded.priorAttempts).toBe(0);
      }),
    );
  });

  it('gives back flat properties as text', () => {
    const value = fc.oneof(text, fc.integer(), fc.boolean(), fc.bigInt());
    fc.assert(
      fc.property(fc.dictionary(headerName, value, { noNullPrototype: true }), (payload) => {
        const decoded = decodeEntry(overTheWire(encodeEntry(payload, {}, 'fields')), LIMIT);

        expect(Object.entries(decoded.payload as object)).toEqual(
          Object.entries(payload).map(([name, given]) => [name, String(given)]),
        );
        expect({ ...decoded.headers }).toEqual({});
      }),
    );
  });
});

describe('encodeEntry', () => {
  it('writes payload, retry 0 and headers, in this order', () => {
    expect(encodeEntry({ orderId: '42' }, { traceparent: '00-1' }, 'json')).toEqual([
      ...['data', '{"orderId":"42"}'],
      ...['retry', '0'],
      ...['traceparent', '00-1'],
    ]);
    expect(encodeEntry({ orderId: '42', amount: 9.5 }, {}, 'fields')).toEqual([
      ...['orderId', '42'],
      ...['amount', '9.5'],
      ...['retry', '0'],
    ]);
  });

  it('leaves out undefined properties of a flat payload, as JSON does', () => {
    expect(encodeEntry({ orderId: '42', note: undefined }, {}, 'fields')).toEqual([
      'orderId',
      '42',
      'retry',
      '0',
    ]);
  });

  const circular: Record<string, unknown> = {};
  circular.self = circular;

  it.each([
    ['undefined', undefined],
    ['a function', () => undefined],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['a circle', circular],
  ])('refuses %s as JSON', (_, payload) => {
    expect(() => encodeEntry(payload, {}, 'json')).toThrow(UnencodableEventError);
  });

  it.each([
    ['null', null],
    ['text', 'order'],
    ['an array', ['order']],
    ['a nested object', { items: { sku: 'a' } }],
    ['a null property', { note: null }],
    ['a function', { run: () => undefined }],
    ['a symbol', { id: Symbol('x') }],
    ['a property called data', { data: 'x' }],
    ['a property called retry', { retry: '7' }],
    ['a property of a dead letter', { 'dlt-reason': 'x' }],
    ['a property of a replay', { 'replay-group': 'x' }],
    ['a property that would come as a header', { traceparent: 'x' }],
  ])('refuses %s as fields', (_, payload) => {
    expect(() => encodeEntry(payload, {}, 'fields')).toThrow(UnencodableEventError);
  });

  it('refuses headers as fields: they would become payload', () => {
    expect(() => encodeEntry({ orderId: '42' }, { 'x-tenant': 'a' }, 'fields')).toThrow('"x-tenant"');
  });

  it('writes headers next to flat fields that come as headers', () => {
    const fields = encodeEntry({ orderId: '42' }, { 'correlation-id': 'c' }, 'fields');
    expect(fields).toEqual(['orderId', '42', 'retry', '0', 'correlation-id', 'c']);
  });

  it.each(['data', 'retry', 'dlt-reason', 'replay-group'])('refuses the header name %s', (name) => {
    expect(() => encodeEntry({}, { [name]: 'x' }, 'json')).toThrow(`"${name}" is reserved`);
  });

  it('refuses a header that is not a string', () => {
    const sent = { tenant: 7 } as unknown as Record<string, string>;
    expect(() => encodeEntry({}, sent, 'json')).toThrow('"tenant" must be a string, not number');
  });

  it('takes a thousand fields and no more', () => {
    const headersOf = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, '']));

    expect(encodeEntry({}, headersOf(998), 'json')).toHaveLength(2_000);
    expect(() => encodeEntry({}, headersOf(999), 'json')).toThrow('1001 fields');
  });

  it('refuses text that UTF-8 cannot carry unchanged', () => {
    expect(() => encodeEntry({}, { tenant: 'a\ud800b' }, 'json')).toThrow(UnencodableEventError);
    expect(() => encodeEntry({ tenant: '\udc00' }, {}, 'fields')).toThrow(UnencodableEventError);
  });
});
