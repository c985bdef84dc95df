import { setImmediate as turn } from 'node:timers/promises';
import type { EntryProcessor, ProcessingEnd } from './entry-processor.js';
import type { HeldEntry } from './held-entry.js';
import { LoopBlockage } from './loop-blockage.js';
import { Slots } from './slots.js';
import { StreamConsumer } from './stream-consumer.js';

/** A consumer whose handlers never end unless told how, and the counts of the deliveries that were started. */
function consumerOf(
  slots: number,
  end: () => ProcessingEnd | Promise<ProcessingEnd> = () => new Promise<never>(() => undefined),
  release: () => Promise<number> = () => Promise.resolve(0),
): { consumer: StreamConsumer; started: number[] } {
  const started: number[] = [];
  const processor = {
    process: (held: HeldEntry) => {
      started.push(held.deliveryCount);
      held.startedAt = 0;
      held.finishedAt = 0.1;
      return end();
    },
  } as unknown as EntryProcessor;
  const broker = { release, extend: () => Promise.resolve([]) };
  const parts = {
    ...{ stream: 'orders', broker, processor, slots: new Slots(slots), blockage: new LoopBlockage(1_000) },
    ...{ onFailure: () => undefined, onBlocked: () => undefined },
  };
  return { consumer: new StreamConsumer(parts), started };
}

const delivery = (deliveryCount: number) => ({ entry: { id: '1-0', parts: [] }, deliveryCount });

describe('StreamConsumer, given an entry that it holds already', () => {
  it('keeps the running one when an answer that came late tells of an earlier delivery', async () => {
    const { consumer, started } = consumerOf(2);
    consumer.accept([delivery(2)]);
    consumer.accept([delivery(1)]);
    await consumer.handBack(0);
    expect(started).toEqual([2]);
    expect(consumer.holds('1-0')).toBe(true);
  });

  it('goes on with a later delivery in place of the one that it ends', () => {
    const { consumer, started } = consumerOf(2);
    consumer.accept([delivery(1)]);
    consumer.accept([delivery(2)]);
    expect(started).toEqual([1, 2]);
    expect(consumer.holds('1-0')).toBe(true);
  });
});

describe('StreamConsumer, with handlers that compute and never wait', () => {
  it('lets everything else have its turn before all that it holds was handled', async () => {
    const compute = (): Promise<ProcessingEnd> => {
      for (const end = performance.now() + 2; performance.now() < end;);
      return Promise.resolve('settled');
    };
    const { consumer, started } = consumerOf(1, compute);
    consumer.accept(
      Array.from({ length: 100 }, (_, i) => ({ entry: { id: `${i}-0`, parts: [] }, deliveryCount: 1 })),
    );
    await turn();
    expect(started.length).toBeLessThan(100);
    await consumer.idle();
    expect(started).toHaveLength(100);
  });
});

describe('StreamConsumer, asked for more', () => {
  const sized = (count: number, bytes: number) =>
    Array.from({ length: count }, (_, i) => ({
      entry: { id: `${bytes}-${i}`, parts: [Buffer.from('data'), Buffer.alloc(bytes)] },
      deliveryCount: 1,
    }));

  it('takes no more of large entries than fits in some megabytes, and one at least', async () => {
    const { consumer } = consumerOf(1);
    consumer.accept(sized(4, 1_048_576));
    expect(consumer.room).toBe(4);
    consumer.accept(sized(1, 67_108_864));
    expect(consumer.room).toBeLessThan(1);
    expect(consumerOf(1).consumer.room).toBeGreaterThan(1);
    // Slots that are free are no reason to read more than that at once.
    const roomy = consumerOf(10_000).consumer;
    roomy.accept(sized(4, 1_048_576));
    expect(await roomy.whenRoom()).toBe(7);
  });

  it('takes more of small entries once their handlers are known to be quick', async () => {
    const { consumer } = consumerOf(32, () => 'settled');
    for (let times = 0; times < 12; times += 1) consumer.accept(sized(10, 10));
    expect(consumer.room).toBe(1_056);
    expect(await consumer.whenRoom()).toBe(1_024);
  });

  it('starts what waits when handlers end at once, one after the other', async () => {
    let most = 0;
    let running = 0;
    const { consumer } = consumerOf(1, () => {
      running += 1;
      most = Math.max(most, running);
      running -= 1;
      return 'settled';
    });
    consumer.accept(sized(5_000, 1));
    await consumer.idle();
    expect(most).toBe(1);
  });
});

describe('StreamConsumer, whose entries cannot be handed back', () => {
  it.each(['paused', 'running'] as const)('goes on once Redis takes writes again: %s', async (state) => {
    const running: (() => void)[] = [];
    const handlerEnd = (): Promise<ProcessingEnd> =>
      new Promise((resolve) => running.push(() => resolve('settled')));
    const refuse = (): Promise<number> => Promise.reject(new Error('NOREPLICAS Not enough good replicas'));
    const { consumer, started } = consumerOf(1, handlerEnd, refuse);
    const entries = [1, 2, 3].map((i) => ({ entry: { id: `${i}-0`, parts: [] }, deliveryCount: 1 }));
    if (state === 'paused') consumer.pause();
    consumer.accept(entries);
    await turn();
    // As many looks as a watch has in an hour.
    for (let looks = 0; looks < 3_600; looks += 1) await consumer.handBack(Number.MIN_VALUE);
    consumer.resume();
    while (started.length < 3 || running.length > 0) {
      running.shift()?.();
      await turn();
    }
    await consumer.idle();
    expect(consumer.room).toBeGreaterThan(1);
    expect(await consumer.whenRoom()).toBeGreaterThan(1);
  });

  it('takes no more than one more than there are slots, however often it hands back', async () => {
    const { consumer } = consumerOf(1);
    for (let times = 0; times < 2_000; times += 1) {
      consumer.accept([1, 2].map((i) => ({ entry: { id: `${times}-${i}`, parts: [] }, deliveryCount: 1 })));
      await turn();
      await consumer.handBack(Number.MIN_VALUE);
    }
    expect(consumer.room).toBe(1);
  });
});
