import fc from 'fast-check';
import { backoffDelay, type ExponentialBackoff } from './backoff.js';

const DAY = 86_400_000;
const attempt = (retry = 0, entryId = '1-1') => ({ entryId, retry, error: new Error('x') });

const exponential: fc.Arbitrary<ExponentialBackoff> = fc
  .record({
    initialMs: fc.integer({ min: 0, max: 120_000 }),
    factor: fc.double({ min: 1, max: 1_000, noNaN: true }),
    more: fc.integer({ min: 0, max: DAY }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ more, ...rest }) => ({ type: 'exponential', maxMs: rest.initialMs + more, ...rest }));
const retries = fc.integer({ min: 0, max: 999_999 });
const ids = fc.tuple(fc.nat(), fc.nat()).map(([ms, seq]) => `${ms}-${seq}`);

describe('backoffDelay', () => {
  it('grows from the first delay by the factor to the longest', () => {
    const backoff = { type: 'exponential', initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0 } as const;
    const delays = [0, 1, 2, 5, 6, 999_999].map((retry) => backoffDelay(backoff, attempt(retry), DAY));
    expect(delays).toEqual([1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
  });

  it('is the same each time when it is fixed', () => {
    expect(
      [0, 1, 9].map((retry) => backoffDelay({ type: 'fixed', delayMs: 7 }, attempt(retry), DAY)),
    ).toEqual([7, 7, 7]);
  });

  it('is always a time from 0 to the longest delays that were given', () => {
    fc.assert(
      fc.property(
        exponential,
        retries,
        ids,
        fc.integer({ min: 0, max: DAY }),
        (backoff, retry, id, maxDelayMs) => {
          const delay = backoffDelay(backoff, attempt(retry, id), maxDelayMs);
          expect(delay).toBeGreaterThanOrEqual(0);
          expect(delay).toBeLessThanOrEqual(Math.min(maxDelayMs, backoff.maxMs));
        },
      ),
    );
  });

  it('is a function of entry and retry alone', () => {
    fc.assert(
      fc.property(exponential, retries, ids, (backoff, retry, id) => {
        const [one, other] = [attempt(retry, id), { ...attempt(retry, id), error: 'another' }];
        expect(backoffDelay(backoff, one, DAY)).toBe(backoffDelay({ ...backoff }, other, DAY));
      }),
    );
  });

  it('varies by the jitter in both directions at most', () => {
    fc.assert(
      fc.property(ids, fc.double({ min: 0, max: 1, noNaN: true }), (id, jitter) => {
        const backoff = { type: 'exponential', initialMs: 1_000, factor: 1, maxMs: 10_000, jitter } as const;
        const delay = backoffDelay(backoff, attempt(0, id), DAY);
        expect(delay).toBeGreaterThanOrEqual(1_000 * (1 - jitter) - 1e-6);
        expect(delay).toBeLessThanOrEqual(1_000 * (1 + jitter) + 1e-6);
      }),
    );
  });

  it('spreads entries that failed together evenly', () => {
    const backoff = { type: 'exponential', initialMs: 1_000, factor: 1, maxMs: 10_000, jitter: 1 } as const;
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i += 1) {
      const tenth = Math.floor(backoffDelay(backoff, attempt(0, `1718000000000-${i}`), DAY) / 200);
      tenths[Math.min(tenth, 9)] = (tenths[Math.min(tenth, 9)] ?? 0) + 1;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(800);
    expect(Math.max(...tenths)).toBeLessThan(1_200);
  });

  it.each([
    [-1, 0],
    [5, 5],
    [Infinity, DAY],
    [-Infinity, 0],
  ])('brings what a function of the user gives (%d) into its bounds: %d', (given, delay) => {
    expect(backoffDelay(() => given, attempt(), DAY)).toBe(delay);
  });

  it.each([NaN, undefined, null, '5'])('refuses what is no number: %s', (given) => {
    expect(() => backoffDelay(() => given as number, attempt(), DAY)).toThrow(TypeError);
  });

  it('gives a function of the user the retry and the error', () => {
    const error = new Error('rate limit');
    const seen: unknown[] = [];
    backoffDelay((...args) => seen.push(...args), { entryId: '1-1', retry: 3, error }, DAY);
    expect(seen).toEqual([3, error]);
  });
});
