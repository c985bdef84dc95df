import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  type StreamWrites,
} from '../../../src/transport/index.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';

let redis: Redis;
let client: RedisStreamsClient;
beforeAll(() => {
  redis = openRedis(sharedRedisUrl());
});
beforeEach(() => {
  client = new RedisStreamsClient({
    connection: { url: sharedRedisUrl() },
    streams: { orders: uniqueName('orders') },
  });
});
afterEach(() => client.close());
afterAll(() => redis.disconnect());

type Collect = Parameters<RedisStreamsRecordBuilder['setWrites']>[0];

const emit = (collect: Collect) =>
  firstValueFrom(client.emit<string>('orders', new RedisStreamsRecordBuilder({}).setWrites(collect).build()));
const keyOf = (...parts: string[]) => client.helperKey('orders', ...parts);

it('applies every kind of write, with the id of the entry where it is asked for', async () => {
  const [hash, text, gone] = [keyOf('hash'), keyOf('text'), keyOf('gone')];
  await redis.hset(hash, { first: 'kept', dropped: 'x' });
  await redis.set(gone, 'x');
  const id = await emit((tx, entryId) =>
    tx
      .hset(hash, { state: 'accepted', attempts: 0, '#': '#' })
      .hsetnx(hash, 'first', 'late')
      .hsetnx(hash, 'entryId', entryId)
      .hdel(hash, 'dropped')
      .set(text, entryId)
      .del(gone)
      .pexpire(hash, 60_000),
  );

  expect(await redis.hgetall(hash)).toEqual({
    state: 'accepted',
    attempts: '0',
    '#': '#',
    first: 'kept',
    entryId: id,
  });
  expect([await redis.get(text), await redis.exists(gone)]).toEqual([id, 0]);
  expect(await redis.pttl(hash)).toBeGreaterThan(50_000);
  expect(await redis.xlen(client.streamKey('orders'))).toBe(1);
});

it.each<[string, (tx: StreamWrites, wrong: string, hash: string) => unknown]>([
  ['the last write meets a key of another type', (tx, wrong) => tx.hset(wrong, { a: '1' })],
  [
    'a later write meets what an earlier one makes',
    (tx, _, hash) => tx.set(`${hash}:s`, 'x').hset(`${hash}:s`, { a: '1' }),
  ],
  ['HDEL meets a key of another type', (tx, wrong) => tx.hdel(wrong, 'a')],
])('leaves nothing behind when %s', async (_, add) => {
  const [hash, wrong] = [keyOf('hash'), keyOf('wrong')];
  await redis.set(wrong, 'text');

  await expect(emit((tx) => add(tx.hset(hash, { a: '1' }), wrong, hash))).rejects.toThrow(
    /WRONGTYPE|UNUSABLE/,
  );

  expect(await redis.exists(hash, `${hash}:s`, client.streamKey('orders'))).toBe(0);
  expect(await redis.get(wrong)).toBe('text');
});

it('leaves nothing behind when a write is aimed at the stream itself', async () => {
  const stream = client.streamKey('orders');
  await expect(emit((tx) => tx.hset(stream, { a: '1' }))).rejects.toThrow(/WRONGTYPE|UNUSABLE/);
  expect(await redis.exists(stream)).toBe(0);
});

it('leaves nothing behind when the stream key holds something else', async () => {
  const hash = keyOf('hash');
  await redis.set(client.streamKey('orders'), 'text');
  await expect(emit((tx) => tx.hset(hash, { a: '1' }))).rejects.toThrow('WRONGTYPE');
  expect(await redis.exists(hash)).toBe(0);
});

describe('the function library', () => {
  let own: TestRedis;
  beforeAll(async () => {
    own = await startRedis({ kind: 'process' });
  });
  afterAll(() => own.stop());

  it('is loaded where it is missing, by many at once, and again when it was lost', async () => {
    const clients = Array.from({ length: 5 }, () => new RedisStreamsClient({ connection: { url: own.url } }));
    const control = openRedis(own.url);
    const record = new RedisStreamsRecordBuilder({}).setWrites((tx) => tx.set('{orders}:x', '1')).build();
    const emitAll = () =>
      Promise.all(clients.map((one) => firstValueFrom(one.emit<string>('orders', record))));

    await emitAll();
    await control.function('FLUSH');
    await emitAll();

    expect(await control.xlen('orders')).toBe(10);
    await Promise.all(clients.map((one) => one.close()));
    control.disconnect();
  });
});
