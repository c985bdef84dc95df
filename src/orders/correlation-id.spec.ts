import { correlationIdFrom } from './correlation-id.js';

const UUID = /^[0-9a-f-]{36}$/;

describe('correlationIdFrom', () => {
  it('keeps the id of the caller', () => {
    expect(correlationIdFrom('checkout/4711')).toBe('checkout/4711');
  });

  it.each([[undefined], [''], ['two words'], ['line\nbreak'], ['\u001b[31m'], ['ä'], ['x'.repeat(129)]])(
    'makes a new one instead of %j',
    (header) => {
      expect(correlationIdFrom(header)).toMatch(UUID);
    },
  );
});
