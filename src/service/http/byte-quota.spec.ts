import { ByteQuota } from './byte-quota.js';

const WINDOW_MS = 1_000;

describe('ByteQuota', () => {
  let now = 0;
  const make = (most: number, callers?: number) => new ByteQuota(most, WINDOW_MS, () => now, callers);
  beforeEach(() => {
    now = 5_000;
  });

  it('gives each caller its own bytes of a window, and no more', () => {
    const quota = make(100);
    expect(quota.take('a', 60)).toBeDefined();
    expect(quota.take('a', 41)).toBeUndefined();
    expect(quota.take('a', 40)).toBeDefined();
    expect(quota.take('b', 100)).toBeDefined();
    now += 400;
    expect(quota.msUntilNext).toBe(600);
    expect(quota.take('a', 1)).toBeUndefined();
    now += 600;
    expect(quota.take('a', 100)).toBeDefined();
  });

  it('takes back what was not used, once a window, and nothing into the next one', () => {
    const quota = make(100);
    const giveBack = quota.take('a', 100);
    giveBack?.();
    expect(quota.take('a', 100)).toBeDefined();
    now += WINDOW_MS;
    expect(quota.take('a', 90)).toBeDefined();
    giveBack?.();
    expect(quota.take('a', 11)).toBeUndefined();
  });

  it('forgets the caller that came first when there are too many', () => {
    const quota = make(100, 2);
    for (const caller of ['a', 'b', 'c']) quota.take(caller, 100);
    expect(quota.take('b', 1)).toBeUndefined();
    expect(quota.take('c', 1)).toBeUndefined();
    expect(quota.take('a', 1)).toBeDefined();
  });
});
