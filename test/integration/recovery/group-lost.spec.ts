import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { GROUP, startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

describe('A group that is lost while entries wait for a retry', () => {
  let server: TestRedis;
  let redis: Redis;
  let running: StartedServer;
  beforeAll(async () => {
    server = await startRedis();
    redis = openRedis(server.url);
  });
  afterEach(() => running.close());
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  const start = async (handler: ServerSetup['handler'], delayMs: number): Promise<void> => {
    const options = { retry: { backoff: { type: 'fixed', delayMs } } } as const;
    running = await startServer({ handler, url: server.url, stream: uniqueName('orders'), options });
  };
  const handled = (): string[] => running.told.processed.map(({ entryId }) => entryId);
  const failsAtFirst = (): ServerSetup['handler'] => {
    const failed = new Set<unknown>();
    return ({ orderId }) => {
      if (!String(orderId).startsWith('bad') || failed.has(orderId)) return;
      failed.add(orderId);
      throw new Error('at first');
    };
  };

  it('begins at its floor: what is done is not repeated, what waited is delivered again', async () => {
    await start(failsAtFirst(), 3_600_000);
    const done = await addOrders(redis, running.stream, numbered(20));
    await eventually(() => (handled().length === 20 ? true : undefined));
    const [bad = ''] = await addOrders(redis, running.stream, ['bad']);
    await eventually(() => running.told['retry-scheduled'][0]);
    await eventuallyPasses(async () => expect(await pendingRows(redis, running.stream)).toHaveLength(1));
    const floor = `{${running.stream}}:${GROUP}:floor`;
    await eventuallyPasses(async () => {
      expect(BigInt((await redis.get(floor))?.replace('-', '') ?? '0')).toBeGreaterThan(0n);
      await running.server.recovery.runOnce();
      expect(await redis.get(floor)).not.toBe(done[0]);
    });

    await redis.xgroup('DESTROY', running.stream, GROUP);
    await eventually(() => (handled().includes(bad) ? true : undefined));
    expect(handled().filter((id) => done.includes(id))).toHaveLength(20);
    expect(running.told.received.filter(({ entryId }) => entryId === bad)).toMatchObject([
      { deliveryCount: 1 },
      { deliveryCount: 1 },
    ]);
    await eventuallyPasses(async () => {
      expect(await pendingRows(redis, running.stream)).toEqual([]);
      expect(await redis.exists(`{${running.stream}}:${GROUP}:retry`)).toBe(0);
    });
  });

  it('is made again after FLUSHALL, and everything goes on: retries, functions, recovery', async () => {
    await start(failsAtFirst(), 30);
    await addOrders(redis, running.stream, ['bad-before']);
    await eventually(() => running.told.processed[0]);
    await redis.flushall();
    await redis.function('FLUSH');
    const [good, bad] = await addOrders(redis, running.stream, ['good', 'bad-after']);
    await eventually(() =>
      handled().includes(good ?? '') && handled().includes(bad ?? '') ? true : undefined,
    );
    await eventuallyPasses(async () => expect(await pendingRows(redis, running.stream)).toEqual([]));
  });

  it('loses nothing when only the functions are flushed, with settlements under way', async () => {
    await start(failsAtFirst(), 30);
    const ids = await addOrders(redis, running.stream, numbered(200, 'bad'));
    for (let i = 0; i < 5; i += 1) await redis.function('FLUSH');
    await eventually(() => (handled().length === 200 ? true : undefined));
    expect(handled().sort()).toEqual(ids.sort());
  });
});
