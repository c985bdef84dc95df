import { Delivery } from './delivery.js';

function delivery({ deliveryCount = 1, priorAttempts = 0, isDeadLetterStream = false } = {}) {
  const source = { pattern: 'orders', stream: 'shop', group: 'g', consumer: 'c', isDeadLetterStream };
  const fields = ['data', '{"orderId":"42"}', 'retry', String(priorAttempts), 'tenant', 'a'];
  const entry = { id: '7-0', parts: fields.map((field) => Buffer.from(field)) };
  const naming = { streams: {}, cluster: false };
  const delivered = new Delivery({ source, naming }, { entry, deliveryCount }, 0);
  delivered.decode(1_000);
  return delivered;
}

describe('Delivery', () => {
  it.each([
    [1, 0, 0],
    [3, 0, 2],
    [1, 5, 5],
    [2, 999_999, 1_000_000],
  ])(
    'delivered %d times, having come with %d attempts, is retry %d',
    (deliveryCount, priorAttempts, retry) => {
      expect(delivery({ deliveryCount, priorAttempts }).retry).toBe(retry);
    },
  );

  it('counts attempts anew on a dead letter, and hands on those before as a header', () => {
    const letter = delivery({ deliveryCount: 2, priorAttempts: 3, isDeadLetterStream: true });
    expect(letter.retry).toBe(1);
    expect(letter.headers).toEqual({ tenant: 'a', retry: '3' });
  });

  it('carries what the entry held', () => {
    expect(delivery()).toMatchObject({ id: '7-0', payload: { orderId: '42' }, headers: { tenant: 'a' } });
  });

  it('aborts a signal that was asked for before', () => {
    const held = delivery();
    const { signal } = held;
    expect(signal.aborted).toBe(false);
    held.abort(new Error('too late'));

    expect(signal.reason).toEqual(new Error('too late'));
  });

  it('gives an aborted signal to who asks afterwards, and always the same one', () => {
    const held = delivery();
    held.abort(new Error('too late'));
    held.abort(new Error('again'));

    expect(held.signal.reason).toEqual(new Error('too late'));
    expect(held.signal).toBe(held.signal);
  });

  it('lets go of what only a handler needs, and keeps what observers and the context ask for', () => {
    const held = delivery();
    held.letGo();
    expect(held).toMatchObject({ id: '7-0', deliveryCount: 1, headers: { tenant: 'a' }, payload: undefined });
    expect(() => held.entry).toThrow('Entry 7-0 was let go of');
  });

  it('gives the right to end it to one', () => {
    const held = delivery();
    held.isCommitting = true;
    expect(held.takeEnding()).toBe(false);
    held.isCommitting = false;
    expect([held.takeEnding(), held.takeEnding()]).toEqual([true, false]);
  });
});
