import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';
import { Supervisor } from '../../support/workers/supervisor.js';

const ORDERS = 200;
const PATIENCE = { timeoutMs: 180_000 };

describe('Orders that are sent twice, while their processes are killed', () => {
  const supervisors: Supervisor[] = [];
  let redis: Redis;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
  });
  afterEach(async () => {
    await Promise.all(supervisors.splice(0).map((supervisor) => supervisor.stop()));
    redis.disconnect();
  });

  it('have one effect each', async () => {
    const stream = uniqueName('orders');
    for (let i = 0; i < 2; i += 1) {
      supervisors.push(
        new Supervisor('idempotent-worker.ts', { TEST_STREAM: stream, TEST_REDIS_URL: sharedRedisUrl() }),
      );
    }
    for (const supervisor of supervisors) supervisor.start();
    for (const { lines } of supervisors) {
      await eventually(() => (lines.includes('ready') ? true : undefined), PATIENCE);
    }
    const orderIds = numbered(ORDERS);
    const half = ORDERS / 2;
    for (let i = 0; i < 2; i += 1) {
      const before = supervisors.map(({ lines }) => lines.length);
      const portion = orderIds.slice(i * half, (i + 1) * half);
      await addOrders(
        redis,
        stream,
        portion.flatMap((orderId) => [orderId, orderId]),
      );
      // In the middle: some are handled, others are not. One process may have been given all of them.
      const victim = await eventually(
        () => supervisors.find(({ lines }, process) => lines.length > (before[process] ?? 0) + 5),
        PATIENCE,
      );
      victim.kill();
    }
    await eventuallyPasses(async () => {
      expect(await redis.hlen(`${stream}:effects`)).toBe(ORDERS);
      expect(await pendingRows(redis, stream)).toEqual([]);
    }, PATIENCE);
    const effects = await redis.hgetall(`${stream}:effects`);
    expect(effects).toEqual(Object.fromEntries(orderIds.map((orderId) => [orderId, '1'])));
    expect(supervisors.reduce((sum, { deaths }) => sum + deaths, 0)).toBe(2);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });
});
