import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  IdempotencyKeyReusedError,
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  type RedisStreamsClientOptions,
} from '../../../src/transport/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

describe('An event with an idempotency key', () => {
  const clients: RedisStreamsClient[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    redis.disconnect();
  });

  const open = (options: Partial<RedisStreamsClientOptions> = {}): RedisStreamsClient => {
    const connection = { url: sharedRedisUrl() };
    const client = new RedisStreamsClient({ connection, streams: { orders: stream }, ...options });
    clients.push(client);
    return client;
  };
  const named = (key: string, payload: unknown = { orderId: '1' }) =>
    new RedisStreamsRecordBuilder(payload).setIdempotencyKey(key);
  const marker = (key: string): string => `{${stream}}:@dedup:${key}`;

  it('is added once, whoever repeats it, and each repeat gives the id of the first', async () => {
    const [one, other] = [open(), open()];
    const sends = [one, other, one, other].map((client) => client.emitOnce('orders', named('a').build()));
    const published = await Promise.all(sends);
    expect(new Set(published.map(({ entryId }) => entryId)).size).toBe(1);
    expect(published.filter(({ isRepeat }) => !isRepeat)).toHaveLength(1);
    expect(await firstValueFrom(one.emit('orders', named('a', { other: true }).build()))).toBe(
      published[0]?.entryId,
    );
    expect(await redis.xrange(stream, '-', '+')).toEqual([
      [published[0]?.entryId, ['data', '{"orderId":"1"}', 'retry', '0', 'idempotency-key', 'a']],
    ]);
  });

  it('is known by a plain header as well, and by a key of any length', async () => {
    const client = open();
    const long = `${'k'.repeat(1_000)}}{`;
    const withHeader = (key: string) =>
      client.emitOnce(
        'orders',
        new RedisStreamsRecordBuilder({}).setHeaders({ 'idempotency-key': key }).build(),
      );
    const first = await withHeader(long);
    expect(await withHeader(long)).toEqual({ entryId: first.entryId, isRepeat: true });
    expect((await withHeader(`${long}.`)).isRepeat).toBe(false);
    expect(await redis.xlen(stream)).toBe(2);
  });

  it('works with flat entries, which have no headers', async () => {
    const client = open({ encoding: 'fields' });
    const first = await client.emitOnce('orders', named('a').build());
    expect(await client.emitOnce('orders', named('a').build())).toEqual({ ...first, isRepeat: true });
    expect(await redis.xrange(stream, '-', '+')).toEqual([[first.entryId, ['orderId', '1', 'retry', '0']]]);
  });

  it('applies no writes when it is a repeat', async () => {
    const client = open();
    const count = (key: string) =>
      named(key)
        .setWrites((tx) => tx.incrby(marker('count'), 1))
        .build();
    await client.emitOnce('orders', count('a'));
    await client.emitOnce('orders', count('a'));
    expect(await redis.get(marker('count'))).toBe('1');
  });

  it('is forgotten when its window is over', async () => {
    const client = open({ dedupWindowMs: 60_000 });
    await client.emitOnce('orders', named('a').build());
    expect(await redis.pttl(marker('a'))).toBeGreaterThan(50_000);
    const short = new RedisStreamsRecordBuilder({}).setIdempotencyKey('b', 20).build();
    const { entryId } = await client.emitOnce('orders', short);
    await eventuallyPasses(async () => {
      const again = await client.emitOnce('orders', short);
      expect(again.isRepeat).toBe(false);
      expect(again.entryId).not.toBe(entryId);
    });
  });

  it('may have several names, any of which is known', async () => {
    const client = open();
    const first = await client.emitOnce('orders', named('request').setIdempotencyKey('order').build());
    for (const again of [named('order'), named('request'), named('order').setIdempotencyKey('another')]) {
      expect(await client.emitOnce('orders', again.build())).toEqual({ ...first, isRepeat: true });
    }
    expect(await client.emitOnce('orders', named('another').build())).toEqual({ ...first, isRepeat: true });
    expect(await redis.xlen(stream)).toBe(1);
  });

  it('with a fingerprint is refused when its key comes with another event', async () => {
    const client = open();
    const print = (fingerprint: string) =>
      new RedisStreamsRecordBuilder({}).setIdempotencyKey('a', undefined, fingerprint).build();
    const first = await client.emitOnce('orders', print('one'));
    expect(await client.emitOnce('orders', print('one'))).toEqual({ ...first, isRepeat: true });
    const refused: unknown = await client.emitOnce('orders', print('two')).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(IdempotencyKeyReusedError);
    expect(refused).toMatchObject({ key: 'a', entryId: first.entryId });
    expect(await redis.xlen(stream)).toBe(1);
  });

  it('is added once although the answer was lost and the client sent it again by itself', async () => {
    const proxy = await startProxy('127.0.0.1', Number(new URL(sharedRedisUrl()).port));
    try {
      const client = open({ connection: { url: `redis://127.0.0.1:${proxy.port}` }, emitTimeoutMs: 10_000 });
      await client.emitOnce('orders', named('first').build());
      const key = randomUUID();
      proxy.loseAnswerTo(key);
      const { isRepeat, entryId } = await client.emitOnce('orders', named(key).build());
      expect(isRepeat).toBe(true); // Which shows that it was sent twice.
      expect((await redis.xrange(stream, '-', '+')).map(([id]) => id).slice(1)).toEqual([entryId]);
      await client.close();
    } finally {
      await proxy.stop();
    }
  });

  it.each(['', '\ud800'])('cannot have the key %j', (key) => {
    expect(() => named(key)).toThrow('idempotency key');
  });

  it.each([0, -1, 1.5, Number.NaN])('cannot have a window of %d ms', (windowMs) => {
    expect(() => new RedisStreamsRecordBuilder({}).setIdempotencyKey('a', windowMs)).toThrow('window');
  });

  it('is refused when its marker holds something else, and nothing is added', async () => {
    const client = open();
    await redis.sadd(marker('set'), 'x');
    await redis.set(marker('text'), 'x');
    await expect(client.emitOnce('orders', named('set').build())).rejects.toThrow('WRONGTYPE');
    await expect(client.emitOnce('orders', named('text').build())).rejects.toThrow('UNUSABLE marker');
    expect(await redis.exists(stream)).toBe(0);
  });
});
