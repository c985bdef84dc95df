import fc from 'fast-check';
import { DIAGNOSIS_BYTES, deadLetterFields, type Diagnosis } from './dead-letter-fields.js';

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

  it('is within what an entry is given for its diagnosis, whatever was thrown', () => {
    const long = '語'.repeat(100_000);
    const causes = Array.from({ length: 20 }, () => new Error(long));
    const made = Object.assign(new AggregateError(causes, long, { cause: new Error(long) }), {
      ...{ name: long, stack: long, code: long, detail: long, constraint: long, table: long, schema: long },
      getError: () => ({ a: long, b: long, c: long, d: long, e: long }),
    });
    const bytes = deadLetterFields(diagnosis({ error: made })).reduce(
      (sum, part) => sum + Buffer.byteLength(part),
      0,
    );
    expect(bytes).toBeLessThanOrEqual(DIAGNOSIS_BYTES);
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
});
