import { ReceivedEvent } from './received-event.js';

function event({ deliveryCount = 1, priorAttempts = 0, isDeadLetterStream = false } = {}) {
  return new ReceivedEvent(
    { pattern: 'orders', stream: 'shop', group: 'g', consumer: 'c', isDeadLetterStream },
    { entry: { id: '7-0', parts: [] }, deliveryCount },
    { payload: { orderId: '42' }, headers: { tenant: 'a' }, priorAttempts },
  );
}

describe('ReceivedEvent', () => {
  it.each([
    [1, 0, 0],
    [3, 0, 2],
    [1, 5, 5],
    [2, 999_999, 1_000_000],
  ])(
    'delivered %d times, having come with %d attempts, is retry %d',
    (deliveryCount, priorAttempts, retry) => {
      expect(event({ deliveryCount, priorAttempts }).retry).toBe(retry);
    },
  );

  it('counts attempts anew on a dead letter, and hands on those before as a header', () => {
    const letter = event({ deliveryCount: 2, priorAttempts: 3, isDeadLetterStream: true });
    expect(letter.retry).toBe(1);
    expect(letter.headers).toEqual({ tenant: 'a', retry: '3' });
  });

  it('carries what the entry held', () => {
    expect(event()).toMatchObject({ entryId: '7-0', payload: { orderId: '42' }, headers: { tenant: 'a' } });
  });

  it('aborts a signal that was asked for before', () => {
    const received = event();
    const { signal } = received;
    expect(signal.aborted).toBe(false);
    received.abort(new Error('too late'));

    expect(signal.reason).toEqual(new Error('too late'));
  });

  it('gives an aborted signal to who asks afterwards, and always the same one', () => {
    const received = event();
    received.abort(new Error('too late'));
    received.abort(new Error('again'));

    expect(received.signal.reason).toEqual(new Error('too late'));
    expect(received.signal).toBe(received.signal);
  });
});
