import { Pace } from './replay-runner.js';

describe('Pace', () => {
  let now = 0;
  const pace = (perSecond: number) => new Pace(perSecond, () => now);
  beforeEach(() => {
    now = 1_000;
  });

  it('lets the first step go at once and the next ones when their time has come', () => {
    const steps = pace(10);
    expect([steps.take(5), steps.take(5), steps.waitMs()]).toEqual([1, 0, 100]);
    now += 100;
    expect([steps.take(5), steps.waitMs()]).toEqual([1, 100]);
  });

  it.each([1, 7, 200, 1_000, 10_000])('makes %i steps a second, however often it is asked', (perSecond) => {
    const steps = pace(perSecond);
    let made = 0;
    for (const end = now + 10_000; now < end; now += 20) made += steps.take(1_000);
    expect(Math.abs(made - perSecond * 10)).toBeLessThanOrEqual(1 + perSecond * 0.02);
  });

  it('does not make up for a long pause', () => {
    const steps = pace(100);
    now += 60_000;
    expect(steps.take(10_000)).toBe(26);
  });

  it('gives no more than is wanted, and keeps the rest', () => {
    const steps = pace(100);
    now += 100;
    expect([steps.take(3), steps.take(100)]).toEqual([3, 8]);
  });
});
