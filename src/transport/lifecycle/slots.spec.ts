import { Slots, type Claimant, type Share } from './slots.js';

const claimant = (onFree: () => void = () => undefined): Claimant => ({
  onFree,
  onReserved: () => undefined,
});

/** A pattern with so much to do that it takes whatever slot it is offered. */
function busy(slots: Slots, name: string, taken: string[]): Share {
  const share: Share = slots.add(
    claimant(() => {
      while (share.tryTake()) taken.push(name);
    }),
  );
  return share;
}

function takeAll(share: Share): number {
  let taken = 0;
  while (share.tryTake()) taken += 1;
  return taken;
}

describe('Slots of one pattern', () => {
  it('are all its own, and each is given out again once it is free', () => {
    const share = new Slots(2).add(claimant());

    expect([share.tryTake(), share.tryTake(), share.tryTake()]).toEqual([true, true, false]);
    share.release();
    expect([share.tryTake(), share.tryTake()]).toEqual([true, false]);
  });

  it('are as many as it may have at once', () => {
    expect(takeAll(new Slots(8).add(claimant(), 3))).toBe(3);
  });
});

describe('Slots of several patterns', () => {
  it.each([
    [128, 2, 112],
    [128, 4, 104],
    [16, 3, 14],
    [4, 2, 3],
    [2, 2, 1],
  ])('of %i slots and %i patterns, one may take %i, and each other one its own', (limit, patterns, most) => {
    const slots = new Slots(limit);
    const first = slots.add(claimant());
    const others = Array.from({ length: patterns - 1 }, () => slots.add(claimant()));

    expect(takeAll(first)).toBe(most);
    for (const other of others) expect(takeAll(other)).toBeGreaterThanOrEqual(1);
    expect(slots.free).toBe(0);
  });

  it('lends what a pattern with a bound of its own cannot use', () => {
    const slots = new Slots(100);
    const bounded = slots.add(claimant(), 1);
    const other = slots.add(claimant());

    expect(takeAll(other)).toBe(99);
    expect(takeAll(bounded)).toBe(1);
  });

  it('keeps nothing where there are fewer slots than patterns', () => {
    const slots = new Slots(1);
    const [first, second] = [slots.add(claimant()), slots.add(claimant())];

    expect(slots.sufficesForAll).toBe(false);
    expect([takeAll(first), takeAll(second)]).toEqual([1, 0]);
    first.release();
    expect(takeAll(second)).toBe(1);
  });

  it('does not take entries for waiting that were handed back before a slot became free', () => {
    const slots = new Slots(1);
    const [busyOne, quiet] = [slots.add(claimant()), slots.add(claimant())];
    busyOne.tryTake();
    quiet.tryTake();
    expect(quiet.exhaustedForMs).toBeGreaterThan(0);

    busyOne.release();
    busyOne.tryTake();

    expect(quiet.free).toBe(0);
    expect(quiet.exhaustedForMs).toBe(0);
  });

  it('offers a slot that became free to those who wait', () => {
    const slots = new Slots(2);
    const hanging = slots.add(claimant());
    const taken: string[] = [];
    const share = busy(slots, 'orders', taken);
    hanging.tryTake();
    takeAll(share);

    hanging.release();
    share.release();

    expect(taken).toEqual(['orders']);
  });

  it('does not let a busy pattern starve one that wants more than its own now and then', () => {
    const slots = new Slots(8);
    const taken: string[] = [];
    const share = busy(slots, 'busy', taken);
    let wanted = 0;
    const quiet: Share = slots.add(
      claimant(() => {
        while (wanted > 0 && quiet.tryTake()) wanted -= 1;
      }),
    );
    quiet.tryTake();
    takeAll(share);
    expect(slots.free).toBe(0);

    for (let round = 0; round < 20; round += 1) {
      wanted = 1;
      share.release();
      share.release();
      expect(wanted).toBe(0);
      quiet.release();
    }
  });

  it('says for how long entries have waited, until a slot is free', () => {
    const slots = new Slots(2);
    const [slow, fast] = [slots.add(claimant()), slots.add(claimant())];
    slow.tryTake();
    expect(slow.exhaustedForMs).toBe(0);
    expect(slow.tryTake()).toBe(false);

    expect(slow.exhaustedForMs).toBeGreaterThan(0);
    expect(fast.exhaustedForMs).toBe(0);
    slow.release();
    expect(slow.exhaustedForMs).toBe(0);
  });
});

describe('running something alone', () => {
  it('waits until nothing runs, lets nothing start meanwhile, and offers the slots afterwards', async () => {
    const slots = new Slots(2);
    const log: string[] = [];
    const share = slots.add({
      ...{ onFree: () => void log.push('free'), onReserved: () => void log.push('reserved') },
    });
    share.tryTake();
    const alone = slots.alone(10_000, () => {
      log.push(`alone, another may start: ${share.tryTake()}`);
      return Promise.resolve();
    });
    expect([share.tryTake(), share.free, slots.free]).toEqual([false, 0, 0]);
    expect(await slots.alone(10_000, () => Promise.resolve())).toBe('busy');
    share.release();

    expect(await alone).toBe('ran');
    expect(log).toEqual(['reserved', 'alone, another may start: false', 'free']);
    expect(share.tryTake()).toBe(true);
  });

  it('gives up when what runs does not end in time', async () => {
    const slots = new Slots(1);
    const share = slots.add(claimant());
    share.tryTake();
    expect(await slots.alone(1, () => Promise.reject(new Error('ran')))).toBe('not-quiet');
    share.release();
    expect(share.tryTake()).toBe(true);
  });

  it('is over when what ran alone fails', async () => {
    const slots = new Slots(1);
    const share = slots.add(claimant());
    await expect(slots.alone(1, () => Promise.reject(new Error('ran')))).rejects.toThrow('ran');
    expect(share.tryTake()).toBe(true);
  });
});
