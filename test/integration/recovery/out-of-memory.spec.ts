import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startServer, type StartedServer } from '../../support/started-server.js';

describe('With a Redis that is out of memory', () => {
  let server: TestRedis;
  let redis: Redis;
  let running: StartedServer;
  beforeAll(async () => {
    server = await startRedis();
    redis = openRedis(server.url);
  });
  beforeEach(() => redis.config('SET', 'maxmemory', '0'));
  afterEach(() => running.close());
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('retries and dead-lettering go on, and nothing is lost', async () => {
    running = await startServer({
      url: server.url,
      options: { retry: { backoff: { type: 'fixed', delayMs: 150 } } },
      handler: ({ orderId }, context) => {
        if (orderId === 'bad' || context.getDeliveryCount() === 1) throw new Error('fails');
      },
    });
    await addOrders(redis, running.stream, ['bad', ...numbered(9)]);
    await eventually(() => (running.told['retry-scheduled'].length >= 10 ? true : undefined));
    await redis.config('SET', 'maxmemory', '1');
    await eventually(() => (running.told.processed.length === 9 ? true : undefined));
    await eventually(() => running.told['dead-lettered'][0]);
    await eventuallyPasses(async () => expect(await pendingRows(redis, running.stream)).toEqual([]));
    expect(await deadLetters(redis, running.stream)).toMatchObject([{ fields: { orderId: 'bad' } }]);
  });

  it('entries of a dead consumer are taken over', async () => {
    running = await startServer({ url: server.url, handler: () => undefined });
    const stream = running.stream;
    await running.close();
    await addOrders(redis, stream, numbered(5));
    await abandon(redis, stream);
    running = await startServer({
      url: server.url,
      stream,
      options: { recoveryIntervalMs: 100 },
      handler: () => undefined,
    });
    await redis.config('SET', 'maxmemory', '1');
    await eventually(() => (running.told.processed.length >= 5 ? true : undefined));
    await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
  });
});
