import type { EntryProcessor } from './entry-processor.js';
import { Slots } from './slots.js';
import { StreamConsumer } from './stream-consumer.js';

/** A consumer whose handlers never end, and the counts of the deliveries that were started. */
function consumerOf(slots: number): { consumer: StreamConsumer; started: number[] } {
  const started: number[] = [];
  const processor = {
    process: ({ deliveryCount }: { deliveryCount: number }) => {
      started.push(deliveryCount);
      return new Promise<never>(() => undefined);
    },
  } as unknown as EntryProcessor;
  const broker = { release: () => Promise.resolve(0), extend: () => Promise.resolve([]) };
  const parts = { stream: 'orders', broker, processor, slots: new Slots(slots), onFailure: () => undefined };
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
