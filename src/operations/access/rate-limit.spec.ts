import { RateLimit } from './rate-limit.js';

describe('RateLimit', () => {
  let now: number;
  const limitOf = (perSecond: number, mostAddresses?: number): RateLimit =>
    new RateLimit(perSecond, 1_000, () => now, mostAddresses);
  const admitted = (limit: RateLimit, addresses: readonly string[]): boolean[] =>
    addresses.map((address) => limit.admits(address));

  beforeEach(() => {
    now = 5_000;
  });

  it('admits so many of an address within a second, whatever others do', () => {
    const limit = limitOf(2);
    expect(admitted(limit, ['a', 'a', 'b', 'a', 'b', 'b'])).toEqual([true, true, true, false, true, false]);
  });

  it('begins anew with the next second', () => {
    const limit = limitOf(1);
    expect(admitted(limit, ['a', 'a'])).toEqual([true, false]);
    now = 5_999;
    expect(limit.admits('a')).toBe(false);
    now = 6_000;
    expect(admitted(limit, ['a', 'a'])).toEqual([true, false]);
  });

  it('counts no more addresses than it has room for, and refuses the others', () => {
    const limit = limitOf(2, 2);
    expect(admitted(limit, ['a', 'b', 'c', 'a', 'c'])).toEqual([true, true, false, true, false]);
    now = 6_000;
    expect(limit.admits('c')).toBe(true);
  });
});
