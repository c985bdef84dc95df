import { HandlerTimeoutError } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, pendingRows } from '../../support/group-view.js';
import { useOwnStream } from '../../support/own-stream.js';

/** Handlers are given as Nest calls them: what they give is a promise of what the method returned. */
describe('A handler that is a generator', () => {
  const own = useOwnStream();
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('runs to its end before its entry is acknowledged', async () => {
    const seen: string[] = [];
    const running = await own.start({
      async *handler(order) {
        seen.push(`begins ${String(order.orderId)}`);
        await pause(20);
        yield 1;
        seen.push('ends');
      },
    });
    await addOrders(own.redis, own.stream, ['1']);
    await eventually(() => running.told.processed[0]);
    expect(seen).toEqual(['begins 1', 'ends']);
    await eventuallyPasses(async () => expect(await pendingRows(own.redis, own.stream)).toEqual([]));
  });

  it('waits for the promises that it yields', async () => {
    const running = await own.start({
      *handler() {
        yield pause(20);
        yield Promise.reject(new RangeError('yielded'));
      },
      retry: { maxRetries: 0 },
    });
    await addOrders(own.redis, own.stream, ['1']);
    const { error } = await eventually(() => running.told['dead-lettered'][0]);
    expect(error).toEqual(new RangeError('yielded'));
  });

  it('is called once for each key, as any handler', async () => {
    let runs = 0;
    const running = await own.start({
      *handler() {
        yield (runs += 1);
      },
      idempotent: { key: (order: unknown) => (order as { orderId: string }).orderId },
    });
    await addOrders(own.redis, own.stream, ['1', '1']);
    await eventually(() => running.told.duplicate[0]);
    expect(runs).toBe(1);
    expect(running.told.processed).toHaveLength(1);
  });

  it.each(['yields on and on', 'waits on and on'])('is ended when its time is up: %s', async (how) => {
    let cleanedUp = 0;
    const running = await own.start({
      async *handler() {
        try {
          for (;;) {
            if (how === 'waits on and on') await pause(5);
            yield how;
          }
        } finally {
          cleanedUp += 1;
        }
      },
      retry: { handlerTimeoutMs: 60, maxRetries: 0 },
    });
    await addOrders(own.redis, own.stream, ['1']);
    const { error } = await eventually(() => running.told['dead-lettered'][0]);
    expect(error).toBeInstanceOf(HandlerTimeoutError);
    await eventuallyPasses(() => expect(cleanedUp).toBe(1));
  });

  it.each([
    ['an array', [1]],
    ['a map', new Map()],
    ['a text', 'text'],
    ['an iterator of values', [1].values()],
    ['a stream', new ReadableStream()],
  ])('is not what gives %s', async (_, value) => {
    const running = await own.start({ handler: () => value });
    await addOrders(own.redis, own.stream, ['1']);
    await eventually(() => running.told.processed[0]);
  });
});
