import type { Redis } from 'ioredis';
import { helperKeyOf } from '../../../src/transport/entry/names.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, pendingRows } from '../../support/group-view.js';
import { useOwnStream } from '../../support/own-stream.js';
import { GROUP, type TestHandler } from '../../support/started-server.js';

const ACK_WAIT_MS = 300;

function compute(ms: number): void {
  for (const began = performance.now(); performance.now() - began < ms;);
}

/** What another process does with an entry that it is given. */
async function takeOver(redis: Redis, stream: string, id: string, owner: string): Promise<void> {
  // It waits for its retry for an hour.
  if (owner === '@retry') await redis.zadd(helperKeyOf(stream, GROUP, 'retry'), Date.now() + 3_600_000, id);
  await redis.xclaim(stream, GROUP, owner, 0, id, 'RETRYCOUNT', 2, 'JUSTID');
}

describe('A handler that ends well after its entry was given to another process', () => {
  const own = useOwnStream();

  const lostWhileWaiting =
    (owner: string): TestHandler =>
    async (_order, context) => {
      await takeOver(own.redis, own.stream, context.getEntryId(), owner);
      await new Promise((lost) => context.getSignal().addEventListener('abort', lost));
    };
  const lostWhileComputing =
    (owner: string): TestHandler =>
    async (_order, context) => {
      await takeOver(own.redis, own.stream, context.getEntryId(), owner);
      compute(2 * ACK_WAIT_MS);
    };

  it.each([
    ['waits', lostWhileWaiting],
    ['computes', lostWhileComputing],
  ] as const)('leaves it where it waits for a retry because it failed there: it %s', async (_, behave) => {
    let ended = 0;
    const handler = behave('@retry');
    const running = await own.start({
      options: { ackWaitMs: ACK_WAIT_MS, recoveryIntervalMs: 3_600_000 },
      handler: async (order, context) => {
        await handler(order, context);
        ended += 1;
      },
    });
    const [id] = await addOrders(own.redis, own.stream, ['1']);
    await eventuallyPasses(() => expect(ended).toBe(1));
    await own.close();
    const rows = await pendingRows(own.redis, own.stream);
    expect(rows.find((row) => row.id === id)).toMatchObject({ owner: '@retry', count: 2 });
    expect(running.told.processed).toEqual([]);
  });

  it.each([
    ['waits', lostWhileWaiting],
    ['computes', lostWhileComputing],
  ] as const)('ends it where it still runs there: it %s', async (_, behave) => {
    const running = await own.start({
      options: { ackWaitMs: ACK_WAIT_MS, recoveryIntervalMs: 3_600_000 },
      handler: behave('another-process'),
    });
    const [id] = await addOrders(own.redis, own.stream, ['1']);
    await eventually(() => running.told.processed.find(({ entryId }) => entryId === id));
    expect(await pendingRows(own.redis, own.stream)).toEqual([]);
  });

  it('ends it there also when that one has not yet come to its idempotency key', async () => {
    const wait = lostWhileWaiting('another-process');
    const effects = `{${own.stream}}:effects`;
    const running = await own.start({
      options: { ackWaitMs: ACK_WAIT_MS, recoveryIntervalMs: 3_600_000 },
      idempotent: { key: (order: unknown) => (order as { orderId: string }).orderId },
      handler: async (order, context) => {
        context.commit((tx) => tx.hincrby(effects, '1', 1));
        await wait(order, context);
      },
    });
    const [id] = await addOrders(own.redis, own.stream, ['1']);
    await eventually(() => running.told.processed.find(({ entryId }) => entryId === id));
    expect(await pendingRows(own.redis, own.stream)).toEqual([]);
    expect(await own.redis.hgetall(effects)).toEqual({ 1: '1' });
  });
});
