import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { useOwnStream } from '../../support/own-stream.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';
import { Supervisor } from '../../support/workers/supervisor.js';

const LONG = { timeoutMs: 180_000, intervalMs: 20 };

describe('A handler that blocks the event loop', () => {
  const own = useOwnStream();

  it('is named, with its entry and for how long, when the loop goes on', async () => {
    const running = await own.start({
      options: { ackWaitMs: 300 },
      handler: async ({ orderId }) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (orderId !== 'blocks') return;
        for (const began = performance.now(); performance.now() - began < 500;);
      },
    });
    const [, id = ''] = await addOrders(own.redis, own.stream, ['1', 'blocks', '2']);
    const blocked = await eventually(() =>
      running.told['loop-blocked'].find(({ entryIds }) => entryIds.includes(id)),
    );
    expect(blocked).toMatchObject({ pattern: 'orders', entryIds: [id] });
    expect(blocked.durationMs).toBeGreaterThanOrEqual(400);
  });
});

describe('Processes whose handlers compute for longer than the ack wait', () => {
  let redis: Redis;
  let stream: string;
  let supervisors: Supervisor[];
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
    supervisors = [];
  });
  afterEach(async () => {
    await Promise.all(supervisors.map((supervisor) => supervisor.stop()));
    redis.disconnect();
  });

  async function start(count: number, way: string): Promise<void> {
    const env = { TEST_STREAM: stream, TEST_REDIS_URL: sharedRedisUrl(), TEST_WAY: way };
    supervisors = Array.from({ length: count }, () => new Supervisor('blocking-worker.ts', env));
    for (const supervisor of supervisors) supervisor.start();
    await eventuallyPasses(() => expect(linesOf('ready')).toHaveLength(count), LONG);
  }

  function linesOf(start: string): string[] {
    return supervisors.flatMap(({ lines }) => lines).filter((line) => line.startsWith(start));
  }

  it.each(['plain', 'commit', 'keyed'])('end an entry with the first run that ends well: %s', async (way) => {
    await start(3, way);
    await addOrders(redis, stream, ['1']);
    await eventuallyPasses(async () => {
      expect(await pendingRows(redis, stream)).toEqual([]);
      expect(linesOf('processed')).not.toHaveLength(0);
    }, LONG);
    expect(await deadLetters(redis, stream)).toEqual([]);
    if (way !== 'plain') expect(await redis.hgetall(`{${stream}}:effects`)).toEqual({ 1: '1' });
  });

  it('dead-letter an entry whose handler never ends, and handle the others', async () => {
    await start(1, 'plain');
    await addOrders(redis, stream, ['endless']);
    let begun = 0;
    await eventuallyPasses(async () => {
      // What restarts processes that do not answer any more.
      if (linesOf('begins endless').length > begun) {
        begun += 1;
        supervisors[0]?.kill();
      }
      expect(await deadLetters(redis, stream)).toHaveLength(1);
    }, LONG);
    expect(await deadLetters(redis, stream)).toMatchObject([
      { fields: { orderId: 'endless', 'dlt-reason': 'abandoned' } },
    ]);
    expect(await pendingRows(redis, stream)).toEqual([]);
  });
});
