import { hostileEntry } from '../../chaos/fuzz/entries.js';
import { growthIn, type Sample } from '../../chaos/soak/samples.js';
import { plannedOrder, type OrderMix } from '../../chaos/plan/orders.js';
import { scheduleOf } from '../../chaos/plan/schedule.js';

const MIX: OrderMix = {
  ...{
    orders: 10_000,
    seed: 7,
    duplicates: 0.1,
    poison: 0.01,
    flaky: 0.1,
    slow: 0.01,
    late: 0,
    forged: 0,
    committer: 0,
    killers: 3,
  },
};
const FAULTS = [
  { name: 'kill', everyMs: 500 },
  { name: 'redis-kill', everyMs: 3_000 },
];

describe('A plan', () => {
  it('is the same for the same seed, and another one for another', () => {
    const orders = (seed: number): unknown[] =>
      Array.from({ length: 500 }, (_, index) => plannedOrder({ ...MIX, seed }, index));
    expect(orders(7)).toEqual(orders(7));
    expect(orders(8)).not.toEqual(orders(7));
    expect(scheduleOf(7, FAULTS, 20_000)).toEqual(scheduleOf(7, FAULTS, 20_000));
    expect(scheduleOf(8, FAULTS, 20_000)).not.toEqual(scheduleOf(7, FAULTS, 20_000));
    expect(hostileEntry(7, 3)).toEqual(hostileEntry(7, 3));
  });

  it('has about the shares of difficult orders that are asked for', () => {
    const orders = Array.from({ length: MIX.orders }, (_, index) => plannedOrder(MIX, index));
    const count = (kind: string): number => orders.filter(({ orderId }) => orderId.startsWith(kind)).length;
    expect(count('killer')).toBe(3);
    expect(Math.abs(count('poison') - 100)).toBeLessThan(40);
    expect(Math.abs(count('flaky') - 1_000)).toBeLessThan(120);
    const twice = orders.filter(({ repeatAfter }) => repeatAfter !== undefined).length;
    expect(Math.abs(twice - 1_000)).toBeLessThan(120);
  });

  it('lets a fault strike about as often as is asked for, in order of time', () => {
    const strikes = scheduleOf(7, FAULTS, 60_000);
    expect(strikes.map(({ atMs }) => atMs)).toEqual(
      [...strikes.map(({ atMs }) => atMs)].sort((a, b) => a - b),
    );
    expect(Math.abs(strikes.filter(({ name }) => name === 'kill').length - 120)).toBeLessThan(12);
  });
});

describe('A soak', () => {
  const steady: Sample = { rssMb: 200, handles: 40, connections: 8, consumers: 2, pending: 5 };
  const samples = (of: (index: number) => Partial<Sample>): Sample[] =>
    Array.from({ length: 90 }, (_, index) => ({ ...steady, ...of(index) }));

  it('does not complain about what goes up and down', () => {
    const noisy = samples((index) => ({ rssMb: 200 + (index % 10) * 8, pending: index % 60 }));
    expect(growthIn(noisy).filter(({ isTooMuch }) => isTooMuch)).toEqual([]);
  });

  it.each(['rssMb', 'handles', 'connections', 'consumers', 'pending'] as const)(
    'notices that %s grow',
    (what) => {
      const step = what === 'pending' ? 20 : 2;
      const growing = samples((index) => ({ [what]: steady[what] + step * index }));
      expect(growthIn(growing).filter(({ isTooMuch }) => isTooMuch)).toMatchObject([{ what }]);
    },
  );
});
