import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { RedisStreamsClient } from '../../../src/transport/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';

let redis: TestRedis;
let control: Redis;
let client: RedisStreamsClient;
beforeAll(async () => {
  redis = await startRedis({ kind: 'process' });
  control = openRedis(redis.url);
});
beforeEach(() => {
  client = new RedisStreamsClient({ connection: { url: redis.url } });
});
afterAll(async () => {
  control.disconnect();
  await redis.stop();
});

const emitMany = (count: number) =>
  Promise.allSettled(Array.from({ length: count }, () => firstValueFrom(client.emit<string>('orders', {}))));

const failures = (results: PromiseSettledResult<string>[]) =>
  results.filter(({ status }) => status === 'rejected').length;

const publishers = async () =>
  String(await control.client('LIST'))
    .split('\n')
    .filter((line) => line.includes(':publisher'));

it.each([0, 2, 4, 8])('waits for events that were emitted %d steps before', async (steps) => {
  await client.connect();
  const under = emitMany(500);
  for (let step = 0; step < steps; step += 1) await Promise.resolve();
  await client.close();
  expect(failures(await under)).toBe(0);
});

it('waits for events that are on their way while others follow', async () => {
  await client.connect();
  const first = emitMany(500);
  await new Promise(setImmediate);
  const second = emitMany(500);
  await new Promise(setImmediate);
  await client.close();
  expect(failures(await first)).toBe(0);
  expect(failures(await second)).toBe(0);
});

it('waits for events that wait for the first connection', async () => {
  const under = emitMany(20);
  await client.close();
  expect(failures(await under)).toBe(0);
});

it('leaves no connection behind, whatever was under way', async () => {
  const under = emitMany(20);
  await client.close();
  await under;
  await eventuallyPasses(async () => expect(await publishers()).toEqual([]));
});

it('is safe to repeat, and the next emit connects again', async () => {
  await client.connect();
  await Promise.all([client.close(), client.close()]);
  expect(failures(await emitMany(1))).toBe(0);
  await client.close();
});
