import { firstValueFrom } from 'rxjs';
import {
  CommitRefusedError,
  DeadLetters,
  loadFunctions,
  NonRetryableError,
  RedisStreamsClient,
  ReplayJobs,
  StreamInspector,
  type RedisStreamsContext,
} from '../../../src/transport/index.js';
import { until, untilPinged, type Flow } from '../../support/acl.js';
import { openRedis } from '../../support/open-redis.js';
import { seedDeadLetters } from '../../support/seeded-dead-letters.js';
import { GROUP, startServer } from '../../support/started-server.js';

export const produce: Flow = async (scene) => {
  const { url, stream, admin } = scene;
  const client = new RedisStreamsClient({ connection: { url }, streams: { orders: stream } });
  try {
    await firstValueFrom(client.emit('orders', { orderId: '1' }));
    expect(await admin.xlen(stream)).toBe(1);
    await untilPinged(scene);
  } finally {
    await client.close();
  }
};

/** Every write that a handler may add to the acknowledgement, and an event. */
function commitEverything(context: RedisStreamsContext, stream: string): void {
  const key = (part: string): string => `{${stream}}:test:${part}`;
  context.commit((tx) =>
    tx
      .hset(key('hash'), { a: 1 })
      .hsetnx(key('hash'), 'b', '1')
      .hincrby(key('hash'), 'a', 1)
      .hdel(key('hash'), 'b')
      .set(key('text'), '1')
      .incrby(key('text'), 1)
      .pexpire(key('text'), 60_000)
      .del(key('other'))
      .sadd(key('set'), 'a')
      .srem(key('set'), 'a')
      .zadd(key('scores'), { a: 1 })
      .zrem(key('scores'), 'a')
      .rpush(key('list'), 'a')
      .lpush(key('list'), 'b')
      .emit(`${stream}.processed`, { orderId: 'good' }),
  );
}

/** Handles, commits, retries, dead-letters, takes over from a dead process, and makes a destroyed group anew. */
export const consume: Flow = async (scene) => {
  const { url, stream, admin } = scene;
  const refusal = new AbortController();
  const watched = { ...scene, signal: AbortSignal.any([scene.signal, refusal.signal]) };
  const add = (orderId: string): Promise<string | null> => admin.xadd(stream, '*', 'orderId', orderId);
  await add('left behind');
  await admin.xgroup('CREATE', stream, GROUP, '0');
  await admin.xreadgroup('GROUP', GROUP, 'dead-process', 'STREAMS', stream, '>');
  const handled = new Set<unknown>();
  const { server } = await startServer({
    ...{ stream, url, options: { ackWaitMs: 100 } },
    handler: ({ orderId }, context) => {
      if (orderId === 'poison') throw new NonRetryableError('on purpose');
      if (orderId === 'flaky' && context.getDeliveryCount() === 1) throw new Error('on purpose');
      if (orderId === 'good') commitEverything(context, stream);
      handled.add(orderId);
    },
  });
  server.on('failed', ({ error }) => {
    if (error instanceof CommitRefusedError) refusal.abort(error);
  });
  try {
    for (const orderId of ['good', 'flaky', 'poison']) await add(orderId);
    await until(watched, () => expect([...handled].sort()).toEqual(['flaky', 'good', 'left behind']));
    await until(watched, async () => expect(await admin.xlen(`${stream}.DLT`)).toBe(1));
    await until(watched, async () => expect(await admin.xlen(`${stream}.processed`)).toBe(1));
    await until(watched, async () => expect((await admin.xpending(stream, GROUP))[0]).toBe(0));
    await admin.xgroup('DESTROY', stream, GROUP);
    await add('after the group was lost');
    await until(watched, () => expect([...handled]).toContain('after the group was lost'));
    await admin.xgroup('SETID', stream, GROUP, '99999999999999-0');
    await add('beyond the end');
    await until(watched, () => expect([...handled]).toContain('beyond the end'));
    await until(watched, async () => expect(await server.checkHealth()).toMatchObject({ ready: true }));
    await untilPinged(scene);
  } finally {
    await server.close();
  }
  const consumers = (await admin.xinfo('CONSUMERS', stream, GROUP)) as [label: string, name: string][];
  expect(consumers.map(([, name]) => name).filter((name) => name !== '@retry')).toEqual([]);
};

/** Looks at dead letters, replays one, one with other data, many as a job, discards one, and reads what was done. */
export const operate: Flow = async (scene) => {
  const { url, stream, admin } = scene;
  await seedDeadLetters(admin, { stream, group: GROUP, count: 4, prefix: 'order-', replays: 1 });
  await admin.xgroup('CREATE', `${stream}.DLT`, 'those-who-read-it', '0');
  const deadLetters = new DeadLetters({
    connection: { url },
    pattern: 'orders',
    streams: { orders: stream },
  });
  const jobs = new ReplayJobs(deadLetters);
  const by = { by: 'test', reason: 'test' };
  try {
    const { items } = await deadLetters.list({}, 10);
    const [first = '', second = '', third = ''] = items.map(({ id }) => id);
    expect(await deadLetters.find(first)).toBeDefined();
    expect(await deadLetters.replay(first, by)).toMatchObject({ outcome: 'done' });
    expect(await deadLetters.replay(second, by, '{"orderId":"order-2"}')).toMatchObject({ outcome: 'done' });
    expect(await deadLetters.discard(third, by)).toMatchObject({ outcome: 'done' });
    jobs.run();
    await jobs.start({ filter: {}, ratePerSecond: 1_000, ...by });
    await until(scene, async () =>
      expect(await jobs.current()).toMatchObject({ state: 'done', replayed: 1 }),
    );
    expect((await deadLetters.audit(10)).items).toHaveLength(6);
    expect(await admin.xlen(stream)).toBe(3);
    await untilPinged(scene);
  } finally {
    await jobs.close();
    await deadLetters.close();
  }
};

/** Looks at the streams, as metrics and dashboards do, and pings, as a container's health check does. */
export const inspect: Flow = async (scene) => {
  const { url, stream, admin } = scene;
  for (const key of [stream, `${stream}.DLT`, `${stream}.processed`]) {
    const id = await admin.xadd(key, '*', 'orderId', '1');
    await admin.xgroup('CREATE', key, GROUP, '0');
    await admin.xreadgroup('GROUP', GROUP, 'somebody', 'STREAMS', key, '>');
    expect(id).not.toBeNull();
  }
  const redis = openRedis(url);
  try {
    await redis.ping();
    await redis.info();
    const states = await new StreamInspector(redis).inspect([stream, `${stream}.processed`]);
    expect(states.map(({ length, groups }) => [length, groups[0]?.pending])).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(states[0]?.deadLetters).toBe(1);
    await new StreamInspector(redis).inspect([`${stream}.DLT`]);
  } finally {
    redis.disconnect();
  }
};

/** Brings the function library where it is missing. */
export const deploy: Flow = async ({ url, admin }) => {
  await admin.function('FLUSH');
  await loadFunctions({ url });
};
