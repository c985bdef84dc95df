import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const LONG = { timeoutMs: 180_000 };

describe('Many entries', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    await redis.unlink(stream, `${stream}.DLT`);
    redis.disconnect();
  });

  async function start(handler: ServerSetup['handler'], options: ServerSetup['options'] = {}) {
    const running = await startServer({ stream, handler, options: { ackWaitMs: 60_000, ...options } });
    started.push(running);
    return running;
  }

  it('of a dead consumer, 1,000 of them, are doubled by none of two recoverers that race for them', async () => {
    await addOrders(redis, stream, numbered(1_000));
    await abandon(redis, stream);
    const runs = new Map<string, number>();
    const handler: ServerSetup['handler'] = async ({ orderId }) => {
      runs.set(String(orderId), (runs.get(String(orderId)) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
    };
    await Promise.all([start(handler), start(handler)]);
    await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]), LONG);
    expect(runs.size).toBe(1_000);
    expect([...runs.values()].filter((count) => count !== 1)).toEqual([]);
    expect(started.flatMap(({ told }) => told.processed)).toHaveLength(1_000);
    const claimed = started.map(({ told }) => told.reclaimed.flatMap(({ entryIds }) => entryIds).length);
    expect(claimed.reduce((sum, count) => sum + count, 0)).toBe(1_000);
  });

  it('that are due for a retry, 1,000 of them, are doubled by none of two processes', async () => {
    const runs = new Map<string, number>();
    const handler: ServerSetup['handler'] = ({ orderId }, context) => {
      if (context.getDeliveryCount() === 1) throw new Error('once');
      runs.set(String(orderId), (runs.get(String(orderId)) ?? 0) + 1);
    };
    await Promise.all([start(handler), start(handler)]);
    await addOrders(redis, stream, numbered(1_000));
    await eventuallyPasses(() => expect(runs.size).toBe(1_000), LONG);
    await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]), LONG);
    expect([...runs.values()].filter((count) => count !== 1)).toEqual([]);
  });

  it('that fail, 10,000 of them, wait for their backoff while fresh ones are all handled', async () => {
    const running = await start(
      ({ orderId }) => {
        if (String(orderId).startsWith('bad')) throw new Error('not now');
      },
      { retry: { backoff: { type: 'fixed', delayMs: 3_600_000 } } },
    );
    await addOrders(redis, stream, numbered(10_000, 'bad'));
    await eventually(() => (running.told['retry-scheduled'].length === 10_000 ? true : undefined), LONG);
    await addOrders(redis, stream, numbered(2_000, 'good'));
    await eventually(() => (running.told.processed.length === 2_000 ? true : undefined), LONG);
    // The last of them are told as processed before they are acknowledged.
    const rows = await eventually(async () => {
      const pending = await pendingRows(redis, stream);
      return pending.length === 10_000 ? pending : undefined;
    }, LONG);
    expect(rows.every(({ owner, count }) => owner === '@retry' && count === 1)).toBe(true);
    expect(await redis.zcard(`{${stream}}:test-group:retry`)).toBe(10_000);
    expect(running.told.received).toHaveLength(12_000);
  });
});
