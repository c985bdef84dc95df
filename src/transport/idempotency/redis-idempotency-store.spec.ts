import type { MarkerAnswer, MarkerClaim } from '../redis/port.js';
import { RedisUnavailableError } from '../entry/client-errors.js';
import type { IdempotencyClaim } from './idempotency-store.js';
import { RedisIdempotencyStore } from './redis-idempotency-store.js';

const CLAIM: IdempotencyClaim = {
  ...{ stream: 'orders', group: 'order-group', handler: 'orders', key: '42', windowMs: 5_000 },
  ...{ entry: { id: '1-0', deliveryCount: 2 }, handlerTimeoutMs: 60_000 },
  signal: new AbortController().signal,
};

function storeAnswering(answer: MarkerAnswer | Error) {
  const asked: MarkerClaim[] = [];
  const begin = (_stream: string, claims: readonly MarkerClaim[]): Promise<MarkerAnswer[]> => {
    asked.push(...claims);
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(claims.map(() => answer));
  };
  return { store: new RedisIdempotencyStore({ begin }, 'orders'), asked };
}

const noWork = (): Promise<void> => Promise.reject(new Error('the handler must not be called'));

describe('RedisIdempotencyStore', () => {
  it('has the key marked as done by the step that acknowledges, and only if it is still ours then', async () => {
    const { store } = storeAnswering({ state: 'begun' });
    let calls = 0;
    const end = await store.run(CLAIM, () => Promise.resolve(void (calls += 1)));
    expect(calls).toBe(1);
    expect(end).toEqual({
      outcome: 'done',
      guard: {
        ...{ key: '{orders}:order-group:idempotent:orders:=42', ttlMs: 5_000 },
        ...{ expected: '1-0:2', value: 'done:1-0' },
      },
    });
  });

  it.each([
    [60_000, 60_000 + 3_600_000],
    [0, 0],
  ])(
    'keeps a marker for longer than a handler with the timeout %d may take',
    async (handlerTimeoutMs, ttlMs) => {
      const { store, asked } = storeAnswering({ state: 'begun' });
      await store.run({ ...CLAIM, handlerTimeoutMs }, () => Promise.resolve());
      expect(asked[0]?.ttlMs).toBe(ttlMs);
    },
  );

  it('takes no handler and key for another handler and key', async () => {
    const { store, asked } = storeAnswering({ state: 'duplicate' });
    await store.run({ ...CLAIM, handler: 'a', key: 'b:=c' }, noWork);
    await store.run({ ...CLAIM, handler: 'a:=b', key: 'c' }, noWork);
    expect(new Set(asked.map(({ marker }) => marker)).size).toBe(2);
  });

  it.each([
    [5, 100],
    [400, 400],
    [90_000, 1_000],
  ])('puts a duplicate off for about as long as its owner has worked: %d ms', async (idleMs, retryInMs) => {
    const { store } = storeAnswering({ state: 'busy', idleMs });
    expect(await store.run(CLAIM, noWork)).toEqual({ outcome: 'busy', retryInMs });
  });

  it.each([
    [{ state: 'duplicate' }, 'duplicate'],
    [{ state: 'taken' }, 'lost'],
    [{ state: 'gone' }, 'lost'],
  ] as const)('does not call the handler after the answer %p', async (answer, outcome) => {
    expect(await storeAnswering(answer).store.run(CLAIM, noWork)).toEqual({ outcome });
  });

  it.each(['OOM command not allowed', 'READONLY You can', 'Connection is closed.', 'NOPERM this user'])(
    'lets the entry wait when Redis is in trouble: %s',
    async (message) => {
      const trouble = new Error(message);
      const end = await storeAnswering(trouble).store.run(CLAIM, noWork);
      expect(end).toMatchObject({ outcome: 'busy', retryInMs: 1_000 });
      expect('cause' in end && end.cause).toBeInstanceOf(RedisUnavailableError);
    },
  );

  it.each([new Error('ERR something else'), { state: 'refused', problem: 'holds a hash' } as const])(
    'fails the delivery when the marker cannot be used',
    async (answer) => {
      await expect(storeAnswering(answer).store.run(CLAIM, noWork)).rejects.toThrow(/else|holds a hash/);
    },
  );

  it('hands on what the handler failed with', async () => {
    const { store } = storeAnswering({ state: 'begun' });
    await expect(store.run(CLAIM, () => Promise.reject(new Error('fails')))).rejects.toThrow('fails');
  });
});
