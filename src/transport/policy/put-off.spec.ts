import fc from 'fast-check';
import type { Backoff } from './backoff.js';
import { NOT_PUT_OFF, putOffDelay } from './put-off.js';
import { DEFAULT_RETRY_POLICY } from './retry-policy.js';

const DAY = 86_400_000;
const attempt = { entryId: '1-1', retry: 0, error: undefined };
const after = (times: number, backoff: Backoff = DEFAULT_RETRY_POLICY.backoff, maxDelayMs = DAY) =>
  putOffDelay(backoff, attempt, { ...NOT_PUT_OFF, times }, maxDelayMs);

describe('putOffDelay', () => {
  it.each<Backoff>([
    DEFAULT_RETRY_POLICY.backoff,
    { type: 'fixed', delayMs: 0 },
    { type: 'fixed', delayMs: 50 },
    () => 20,
  ])('grows from the delay of the backoff to half a minute: %s', (backoff) => {
    const delays = Array.from({ length: 40 }, (_, times) => after(times, backoff));
    const [first = 0, second = 0, third = 0] = delays;
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
    expect(delays.at(-1)).toBeGreaterThanOrEqual(24_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(36_000);
  });

  it('keeps to a longer backoff, and to the longest time that an entry may wait', () => {
    expect(after(9, { type: 'fixed', delayMs: 3_600_000 })).toBeGreaterThan(2_800_000);
    expect(after(9, { type: 'fixed', delayMs: 3_600_000 }, 1_000)).toBe(1_000);
  });

  it('keeps entries apart that met the same trouble', () => {
    const delays = Array.from({ length: 100 }, (_, n) =>
      putOffDelay({ type: 'fixed', delayMs: 1_000 }, { ...attempt, entryId: `1-${n}` }, NOT_PUT_OFF, DAY),
    );
    expect(new Set(delays.map(Math.round)).size).toBeGreaterThan(50);
  });

  it('is a time for any number of times', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000 }), (times) => {
        expect(after(times)).toBeGreaterThan(0);
        expect(after(times)).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});
