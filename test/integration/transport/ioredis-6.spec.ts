import { createRequire } from 'node:module';
import { jest } from '@jest/globals';
import type * as IoRedis from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { uniqueName } from '../../support/unique-name.js';

const VERSION_6 = createRequire(import.meta.url)('ioredis-6') as typeof IoRedis;

// Everything that is imported from here on has the other major version under it.
jest.unstable_mockModule('ioredis', () => ({ ...VERSION_6, default: VERSION_6.default }));
const { RedisStreamsClient } = await import('../../../src/transport/index.js');
const { eventuallyPasses } = await import('../../support/eventually-passes.js');
const { abandon, addOrders, deadLetters, numbered, pendingRows } =
  await import('../../support/group-view.js');
const { openRedis } = await import('../../support/open-redis.js');
const { sharedRedisUrl } = await import('../../support/shared-redis.js');
const { startServer } = await import('../../support/started-server.js');

describe('On ioredis 6', () => {
  let redis: IoRedis.Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  afterEach(async () => {
    await redis.unlink(stream, `${stream}.DLT`, `{${stream}}:done`);
    redis.disconnect();
  });

  it('emits, handles, commits, retries, dead-letters and takes over what a dead consumer left', async () => {
    expect(redis).toBeInstanceOf(VERSION_6.Redis);
    await addOrders(redis, stream, numbered(300, 'left'));
    await abandon(redis, stream);

    const running = await startServer({
      stream,
      options: { ackWaitMs: 30_000, retry: { maxRetries: 1 } },
      handler: ({ orderId }, context) => {
        if (orderId === 'bad') throw new Error('never');
        if (orderId === 'late' && context.getDeliveryCount() === 1) throw new Error('not yet');
        context.commit((tx) => tx.hset(`{${stream}}:done`, { [String(orderId)]: '1' }));
      },
    });
    expect(running.server.unwrap()).toBeInstanceOf(VERSION_6.Redis);
    const client = new RedisStreamsClient({
      connection: { url: sharedRedisUrl() },
      streams: { orders: stream },
    });
    try {
      for (const orderId of ['fine', 'late', 'bad']) await firstValueFrom(client.emit('orders', { orderId }));

      await eventuallyPasses(async () => expect(await redis.hlen(`{${stream}}:done`)).toBe(302));
      await eventuallyPasses(async () => expect(await deadLetters(redis, stream)).toHaveLength(1));
      await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
      expect(running.told.reclaimed.flatMap(({ entryIds }) => entryIds)).toHaveLength(300);
      const [letter] = await deadLetters(redis, stream);
      expect(letter?.fields).toMatchObject({ 'dlt-reason': 'retries-exhausted' });
      expect((await running.server.checkHealth()).ready).toBe(true);
    } finally {
      await client.close();
      await running.close();
    }
  });
});
