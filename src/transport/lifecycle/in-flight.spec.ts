import { setImmediate as turn } from 'node:timers/promises';
import type { Delivery } from '../entry/delivery.js';
import { InFlight } from './in-flight.js';
import { LoopBlockage } from './loop-blockage.js';
import { Slots } from './slots.js';

const SOURCE = {
  ...{ pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c' },
  isDeadLetterStream: false,
};

/** Deliveries whose handlers never end unless told how, and the counts of those that were started. */
function inFlightOf(
  slots: number,
  end: () => Promise<void> | undefined = () => new Promise<never>(() => undefined),
  handBack: () => Promise<void> = () => Promise.resolve(),
): { inFlight: InFlight; started: number[] } {
  const started: number[] = [];
  const run = (delivery: Delivery): Promise<void> | undefined => {
    started.push(delivery.deliveryCount);
    delivery.startedAt = 0;
    delivery.finishedAt = 0.1;
    const running = end();
    if (!running) inFlight.forget(delivery);
    return running?.then(() => inFlight.forget(delivery));
  };
  const inFlight = new InFlight({
    origin: { source: SOURCE, naming: { streams: {}, cluster: false } },
    attempts: { run, fail: () => Promise.resolve() },
    ...{ settler: { handBack }, slots: new Slots(slots), blockage: new LoopBlockage(1_000) },
    ...{ onFailure: () => undefined, onBlocked: () => undefined },
  });
  return { inFlight, started };
}

const delivery = (deliveryCount: number) => ({ entry: { id: '1-0', parts: [] }, deliveryCount });

describe('InFlight, given an entry that it holds already', () => {
  it('keeps the running one when an answer that came late tells of an earlier delivery', async () => {
    const { inFlight, started } = inFlightOf(2);
    inFlight.accept([delivery(2)]);
    inFlight.accept([delivery(1)]);
    await inFlight.handBack(0);
    expect(started).toEqual([2]);
    expect(inFlight.holds('1-0')).toBe(true);
  });

  it('goes on with a later delivery in place of the one that it ends', () => {
    const { inFlight, started } = inFlightOf(2);
    inFlight.accept([delivery(1)]);
    inFlight.accept([delivery(2)]);
    expect(started).toEqual([1, 2]);
    expect(inFlight.holds('1-0')).toBe(true);
  });
});

describe('InFlight, with handlers that compute and never wait', () => {
  it('lets everything else have its turn before all that it holds was handled', async () => {
    const compute = (): Promise<void> => {
      for (const end = performance.now() + 2; performance.now() < end;);
      return Promise.resolve();
    };
    const { inFlight, started } = inFlightOf(1, compute);
    inFlight.accept(
      Array.from({ length: 100 }, (_, i) => ({ entry: { id: `${i}-0`, parts: [] }, deliveryCount: 1 })),
    );
    await turn();
    expect(started.length).toBeLessThan(100);
    await inFlight.idle();
    expect(started).toHaveLength(100);
  });
});

describe('InFlight, asked for more', () => {
  const sized = (count: number, bytes: number) =>
    Array.from({ length: count }, (_, i) => ({
      entry: { id: `${bytes}-${i}`, parts: [Buffer.from('data'), Buffer.alloc(bytes)] },
      deliveryCount: 1,
    }));

  it('takes no more of large entries than fits in some megabytes, and one at least', async () => {
    const { inFlight } = inFlightOf(1);
    inFlight.accept(sized(4, 1_048_576));
    expect(inFlight.room).toBe(4);
    inFlight.accept(sized(1, 67_108_864));
    expect(inFlight.room).toBeLessThan(1);
    expect(inFlightOf(1).inFlight.room).toBeGreaterThan(1);
    // Slots that are free are no reason to read more than that at once.
    const roomy = inFlightOf(10_000).inFlight;
    roomy.accept(sized(4, 1_048_576));
    expect(await roomy.whenRoom()).toBe(7);
  });

  it('takes more of small entries once their handlers are known to be quick', async () => {
    const { inFlight } = inFlightOf(32, () => undefined);
    // On a busy machine a few of them take long, and count for little after many others.
    for (let times = 0; times < 12 || (times < 500 && inFlight.room < 1_056); times += 1) {
      inFlight.accept(sized(10, 10));
      await inFlight.idle();
    }
    expect(inFlight.room).toBe(1_056);
    expect(await inFlight.whenRoom()).toBe(1_024);
  });

  it('starts what waits when handlers end at once, one after the other', async () => {
    let most = 0;
    let running = 0;
    const { inFlight } = inFlightOf(1, () => {
      running += 1;
      most = Math.max(most, running);
      running -= 1;
      return undefined;
    });
    inFlight.accept(sized(5_000, 1));
    await inFlight.idle();
    expect(most).toBe(1);
  });
});

describe('InFlight, whose entries cannot be handed back', () => {
  it.each(['paused', 'running'] as const)('goes on once Redis takes writes again: %s', async (state) => {
    const running: (() => void)[] = [];
    const handlerEnd = (): Promise<void> => new Promise((resolve) => running.push(resolve));
    const refuse = (): Promise<void> => Promise.reject(new Error('NOREPLICAS Not enough good replicas'));
    const { inFlight, started } = inFlightOf(1, handlerEnd, refuse);
    const entries = [1, 2, 3].map((i) => ({ entry: { id: `${i}-0`, parts: [] }, deliveryCount: 1 }));
    if (state === 'paused') inFlight.pause();
    inFlight.accept(entries);
    await turn();
    // As many looks as a watch has in an hour.
    for (let looks = 0; looks < 3_600; looks += 1) await inFlight.handBack(Number.MIN_VALUE);
    inFlight.resume();
    while (started.length < 3 || running.length > 0) {
      running.shift()?.();
      await turn();
    }
    await inFlight.idle();
    expect(inFlight.room).toBeGreaterThan(1);
    expect(await inFlight.whenRoom()).toBeGreaterThan(1);
  });

  it('takes no more than one more than there are slots, however often it hands back', async () => {
    const { inFlight } = inFlightOf(1);
    for (let times = 0; times < 2_000; times += 1) {
      inFlight.accept([1, 2].map((i) => ({ entry: { id: `${times}-${i}`, parts: [] }, deliveryCount: 1 })));
      await turn();
      await inFlight.handBack(Number.MIN_VALUE);
    }
    expect(inFlight.room).toBe(1);
  });
});
