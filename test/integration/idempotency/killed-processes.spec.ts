import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';
import { Supervisor } from '../../support/workers/supervisor.js';

const ORDERS = 300;
const KILLS = 4;

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
    const orderIds = numbered(ORDERS);
    const portion = ORDERS / KILLS;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const [victim, other] = kill % 2 === 0 ? supervisors : [...supervisors].reverse();
      await eventually(() => (victim?.lines.includes('ready') === true ? true : undefined), {
        timeoutMs: 30_000,
      });
      if (victim) victim.lines.length = 0;
      const portionIds = orderIds.slice(kill * portion, (kill + 1) * portion);
      await addOrders(
        redis,
        stream,
        portionIds.flatMap((orderId) => [orderId, orderId]),
      );
      // In the middle: some are handled, others are not.
      await eventually(() => ((victim?.lines.length ?? 0) > 5 ? true : undefined), { timeoutMs: 30_000 });
      victim?.kill();
      expect(other).toBeDefined();
    }
    await eventuallyPasses(
      async () => {
        expect(await redis.hlen(`${stream}:effects`)).toBe(ORDERS);
        expect(await pendingRows(redis, stream)).toEqual([]);
      },
      { timeoutMs: 60_000 },
    );
    const effects = await redis.hgetall(`${stream}:effects`);
    expect(effects).toEqual(Object.fromEntries(orderIds.map((orderId) => [orderId, '1'])));
    expect(supervisors.reduce((deaths, supervisor) => deaths + supervisor.deaths, 0)).toBeGreaterThanOrEqual(
      KILLS - 1,
    );
    expect(await deadLetters(redis, stream)).toEqual([]);
  }, 120_000);
});
