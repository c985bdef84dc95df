import type { Redis } from 'ioredis';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';
import { Supervisor } from '../../support/workers/supervisor.js';

const LONG = { timeoutMs: 180_000, intervalMs: 5 };

describe('An entry that ends the process that handles it', () => {
  let redis: Redis;
  let supervisor: Supervisor;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
  });
  afterEach(async () => {
    await supervisor.stop();
    redis.disconnect();
  });

  it('alone is dead-lettered; 1,000 entries beside it are all handled', async () => {
    const stream = uniqueName('orders');
    const innocent = numbered(1_000);
    await addOrders(redis, stream, [...innocent.slice(0, 500), 'killer', ...innocent.slice(500)]);
    supervisor = new Supervisor('killer-worker.ts', {
      TEST_STREAM: stream,
      TEST_REDIS_URL: sharedRedisUrl(),
    });
    supervisor.start();

    await eventuallyPasses(async () => {
      expect(await redis.xlen(`${stream}.DLT`)).toBeGreaterThan(0);
      expect(await pendingRows(redis, stream)).toEqual([]);
    }, LONG);
    const letters = await deadLetters(redis, stream);
    expect(letters).toMatchObject([
      {
        fields: { orderId: 'killer', 'dlt-reason': 'abandoned', 'dlt-exception-name': 'AbandonedEntryError' },
      },
    ]);
    const handled = new Set(supervisor.lines.filter((line) => line !== 'ready'));
    expect(innocent.filter((orderId) => !handled.has(orderId))).toEqual([]);
    expect(handled.has('killer')).toBe(false);
    expect(supervisor.deaths).toBe(4);
  });

  it('or a process that is killed from outside condemns nobody', async () => {
    const stream = uniqueName('orders');
    supervisor = new Supervisor('killer-worker.ts', {
      TEST_STREAM: stream,
      TEST_REDIS_URL: sharedRedisUrl(),
    });
    supervisor.start();
    for (const deaths of [1, 2, 3, 4]) {
      const seen = supervisor.lines.length;
      await addOrders(redis, stream, numbered(300, `round-${deaths}`));
      await eventuallyPasses(() => expect(supervisor.lines.length).toBeGreaterThan(seen + 2), LONG);
      supervisor.kill();
      await eventuallyPasses(() => expect(supervisor.deaths).toBe(deaths), LONG);
    }
    await eventuallyPasses(async () => {
      expect(await pendingRows(redis, stream)).toEqual([]);
      const [group] = (await redis.xinfo('GROUPS', stream)) as unknown[][];
      expect(group?.[group.indexOf('lag') + 1]).toBe(0);
    }, LONG);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });
});
