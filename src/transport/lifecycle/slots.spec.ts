import { Slots, type Claimant } from './slots.js';

const claimant = (onFree: () => void = () => undefined): Claimant => ({
  onFree,
  onReserved: () => undefined,
});

/** A claimant with so much to do that it takes whatever slot it is offered. */
function busy(slots: Slots, name: string, taken: string[]): void {
  slots.addClaimant(
    claimant(() => {
      while (slots.tryTake()) taken.push(name);
    }),
  );
}

describe('Slots', () => {
  it('gives out as many as there are, and each again once it is free', () => {
    const slots = new Slots(2);
    slots.addClaimant(claimant());

    expect([slots.tryTake(), slots.tryTake(), slots.tryTake()]).toEqual([true, true, false]);
    slots.release();
    expect([slots.tryTake(), slots.tryTake()]).toEqual([true, false]);
  });

  it('offers a slot that got free to those who wait', () => {
    const slots = new Slots(1);
    const taken: string[] = [];
    slots.tryTake();
    busy(slots, 'orders', taken);

    slots.release();

    expect(taken).toEqual(['orders']);
  });

  it('shares evenly among streams that could all take everything', () => {
    const slots = new Slots(1);
    const taken: string[] = [];
    slots.tryTake();
    for (const name of ['orders', 'payments', 'refunds']) busy(slots, name, taken);

    for (let i = 0; i < 30; i += 1) slots.release();

    for (const name of ['orders', 'payments', 'refunds']) {
      expect(taken.filter((owner) => owner === name)).toHaveLength(10);
    }
  });

  it('does not let a busy stream starve one that wants a slot now and then', () => {
    const slots = new Slots(4);
    const taken: string[] = [];
    for (let i = 0; i < 4; i += 1) slots.tryTake();
    busy(slots, 'busy', taken);
    let wanted = 0;
    slots.addClaimant(
      claimant(() => {
        if (wanted > 0 && slots.tryTake()) {
          wanted -= 1;
          taken.push('quiet');
        }
      }),
    );

    for (let round = 0; round < 20; round += 1) {
      wanted = 1;
      slots.release();
      slots.release();
      expect(wanted).toBe(0);
    }
    expect(taken.filter((owner) => owner === 'busy')).toHaveLength(20);
  });

  describe('running something alone', () => {
    it('waits until nothing runs, lets nothing start meanwhile, and offers the slots afterwards', async () => {
      const slots = new Slots(2);
      const log: string[] = [];
      slots.addClaimant({ onFree: () => void log.push('free'), onReserved: () => void log.push('reserved') });
      slots.tryTake();
      const alone = slots.alone(10_000, () => {
        log.push(`alone, another may start: ${slots.tryTake()}`);
        return Promise.resolve();
      });
      expect([slots.tryTake(), slots.free]).toEqual([false, 0]);
      expect(await slots.alone(10_000, () => Promise.resolve())).toBe('busy');
      slots.release();

      expect(await alone).toBe('ran');
      expect(log).toEqual(['reserved', 'alone, another may start: false', 'free']);
      expect(slots.tryTake()).toBe(true);
    });

    it('gives up when what runs does not end in time', async () => {
      const slots = new Slots(1);
      slots.addClaimant(claimant());
      slots.tryTake();
      expect(await slots.alone(1, () => Promise.reject(new Error('ran')))).toBe('not-quiet');
      slots.release();
      expect(slots.tryTake()).toBe(true);
    });

    it('is over when what ran alone fails', async () => {
      const slots = new Slots(1);
      slots.addClaimant(claimant());
      await expect(slots.alone(1, () => Promise.reject(new Error('ran')))).rejects.toThrow('ran');
      expect(slots.tryTake()).toBe(true);
    });
  });
});
