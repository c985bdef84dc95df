import fc from 'fast-check';
import { deadLetterFields, nameOf, type Diagnosis } from './dead-letter-fields.js';

class CardDeclinedError extends Error {}

const diagnosis = (more: Partial<Diagnosis> = {}): Diagnosis => ({
  ...{ reason: 'retries-exhausted', stream: 'orders', entryId: '1718000000000-3', group: 'order-group' },
  ...{ consumer: 'worker-1', deliveryCount: 3, retry: 2, error: new CardDeclinedError('declined') },
  failedAt: new Date(Date.UTC(2026, 0, 2, 3, 4, 5)),
  ...more,
});
function fieldsOf(more: Partial<Diagnosis> = {}): Map<string, string> {
  const list = deadLetterFields(diagnosis(more));
  return new Map(list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? '']] : [])));
}

describe('deadLetterFields', () => {
  it('says what failed, where, how often and when', () => {
    const fields = fieldsOf();
    expect(fields.get('dlt-exception-stacktrace')).toContain('dead-letter-fields.spec');
    fields.delete('dlt-exception-stacktrace');
    expect(Object.fromEntries(fields)).toEqual({
      retry: '2',
      'dlt-reason': 'retries-exhausted',
      'dlt-original-stream': 'orders',
      'dlt-original-id': '1718000000000-3',
      'dlt-original-timestamp': '1718000000000',
      'dlt-original-consumer-group': 'order-group',
      'dlt-original-consumer': 'worker-1',
      'dlt-delivery-count': '3',
      'dlt-exception-name': 'CardDeclinedError',
      'dlt-exception-message': 'declined',
      'dlt-exception-cause': '',
      'dlt-failed-at': '2026-01-02T03:04:05.000Z',
    });
  });

  it('keeps the retries within what the wire format can say', () => {
    expect(fieldsOf({ retry: 1_000_001 }).get('retry')).toBe('999999');
  });

  it('names the causes, as far as five', () => {
    const chain = [1, 2, 3, 4, 5, 6, 7].reduce<Error>(
      (cause, n) => new Error(`e${n}`, { cause }),
      new Error('e0'),
    );
    expect(fieldsOf({ error: chain }).get('dlt-exception-cause')).toBe(
      'Error: e6 ← Error: e5 ← Error: e4 ← Error: e3 ← Error: e2',
    );
    const circular = new Error('circular');
    circular.cause = circular;
    expect(fieldsOf({ error: circular }).get('dlt-exception-cause')?.split(' ← ')).toHaveLength(5);
  });

  it('caps what may be endless', () => {
    const error = new Error('m'.repeat(100_000));
    const fields = fieldsOf({ error });
    expect(fields.get('dlt-exception-message')).toHaveLength(2_048);
    expect(fields.get('dlt-exception-stacktrace')).toHaveLength(8_192);
  });

  it.each<[unknown, string, string]>([
    ['text', 'string', 'text'],
    [null, 'null', 'null'],
    [{ code: 7 }, 'object', '{"code":7}'],
    [Symbol('s'), 'symbol', 'Symbol(s)'],
  ])('tells what was thrown although it is no Error: %p', (error, name, message) => {
    const fields = fieldsOf({ error });
    expect([fields.get('dlt-exception-name'), fields.get('dlt-exception-message')]).toEqual([name, message]);
  });

  it('says nothing of an exception where there was none', () => {
    expect([...fieldsOf({ error: undefined }).keys()].filter((name) => name.includes('exception'))).toEqual(
      [],
    );
  });

  const hostile = fc
    .record(
      {
        message: fc.anything({ withNullPrototype: true }),
        stack: fc.anything({ withNullPrototype: true }),
        name: fc.anything({ withNullPrototype: true }),
        cause: fc.anything({ withNullPrototype: true, withBigInt: true }),
      },
      { requiredKeys: [] },
    )
    .map((properties) => Object.assign(new Error('x'), properties));

  it('can always be written, whatever was thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything({ withNullPrototype: true, withBigInt: true }), hostile), (error) => {
        const list = deadLetterFields(diagnosis({ error }));
        expect(list.every((part) => typeof part === 'string')).toBe(true);
        expect(list.length % 2).toBe(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it('can name whatever was thrown', () => {
    fc.assert(
      fc.property(hostile, (error) => {
        expect(typeof nameOf(error)).toBe('string');
      }),
      { numRuns: 1_000 },
    );
  });
});
