import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  type RedisStreamsClientOptions,
} from '../../../src/transport/index.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';

let redis: Redis;
let stream: string;
let client: RedisStreamsClient;
beforeEach(async () => {
  redis = openRedis(sharedRedisUrl());
  stream = uniqueName('orders');
  client = await connected({});
});
afterEach(async () => {
  await client.close();
  redis.disconnect();
});

async function connected(options: Partial<RedisStreamsClientOptions>): Promise<RedisStreamsClient> {
  const made = new RedisStreamsClient({
    connection: { url: sharedRedisUrl() },
    streams: { orders: stream },
    ...options,
  });
  await made.connect();
  return made;
}

const emit = (payload: unknown, pattern = 'orders') => firstValueFrom(client.emit<string>(pattern, payload));

/** In the order in which they are in the stream. */
const added = async () =>
  (await redis.xrange(stream, '-', '+')).map(([id, fields]) => [id, JSON.parse(fields[1] ?? '')] as unknown);

it('events of one turn are added in order, each with the id that its emit gives, however they are added', async () => {
  await emit(new RedisStreamsRecordBuilder('first').setIdempotencyKey('first').build());
  await redis.del(stream);
  const ids = await Promise.all(
    Array.from({ length: 1_000 }, (_, number) =>
      emit(
        number % 3 === 0
          ? new RedisStreamsRecordBuilder(number).setIdempotencyKey(`key-${number}`).build()
          : number,
      ),
    ),
  );
  expect(await added()).toEqual(ids.map((id, number) => [id, number]));
});

it('entries that make more than one write to the socket arrive as they were', async () => {
  const payloads = Array.from({ length: 8 }, (_, number) => `${number} zażółć 😀 ${'x'.repeat(300_000)}`);
  const ids = await Promise.all(payloads.map((payload) => emit(payload)));
  expect(await added()).toEqual(ids.map((id, number) => [id, payloads[number]]));
});

it('one that Redis refuses fails alone', async () => {
  const other = uniqueName('text');
  await redis.set(other, 'not a stream');
  const outcomes = await Promise.allSettled([emit(1), emit(2, other), emit(3)]);
  await redis.del(other);
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { message: expect.stringContaining('WRONGTYPE') as string } });
});

it('a turn that takes longer than an emit may is not held against what it emits', async () => {
  await client.close();
  client = await connected({ emitTimeoutMs: 2_000 });
  const first = emit(1);
  const began = performance.now();
  while (performance.now() - began < 2_500);
  expect(await Promise.all([first, emit(2)])).toHaveLength(2);
});
