import { firstValueFrom } from 'rxjs';
import {
  RedisStreamsServer,
  type HealthCauseCode,
  type TransportHealth,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { recordingController } from '../../support/recording-controller.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

const USER = ['on', '>s3cret', '~*', '&*', '+@all'];

let redis: TestRedis;
let proxy: TcpProxy;
let running: TransportApp;
beforeAll(async () => {
  redis = await startRedis({ kind: 'process' });
  proxy = await startProxy(redis.host, redis.port);
});
beforeEach(async () => {
  const { controllers } = recordingController();
  const admin = openRedis(redis.url);
  await admin.acl('SETUSER', 'transport', ...USER);
  admin.disconnect();
  const url = `redis://transport:s3cret@127.0.0.1:${proxy.port}`;
  running = await startTransportApp({ url, directUrl: redis.url, controllers });
});
afterEach(() => running.close());
afterAll(async () => {
  await proxy.stop();
  await redis.stop();
});

async function health(): Promise<TransportHealth> {
  const began = performance.now();
  const answer = await running.server.checkHealth();
  expect(performance.now() - began).toBeLessThan(15_000);
  expect(JSON.stringify(answer)).not.toMatch(/s3cret|127\.0\.0\.1|redis:\/\//);
  return answer;
}

async function until(code: HealthCauseCode): Promise<void> {
  await eventuallyPasses(async () => {
    const { ready, causes } = await health();
    expect(ready).toBe(false);
    expect(causes.map((cause) => cause.code)).toContain(code);
  });
}

async function untilReady(): Promise<void> {
  await eventuallyPasses(async () => expect(await health()).toEqual({ ready: true, causes: [] }));
  const id = await eventually(() => firstValueFrom(running.client.emit<string>('orders', {})));
  await eventually(() => running.processed.find(({ entryId }) => entryId === id));
}

async function restartWithUser(): Promise<void> {
  await redis.restart();
  await running.redis.acl('SETUSER', 'transport', ...USER);
}

const config = (name: string, value: string) => running.redis.config('SET', name, value);

const TROUBLES: [string, HealthCauseCode, () => unknown, () => unknown][] = [
  [
    'Redis is out of memory',
    'redis-refuses-writes',
    () => config('maxmemory', '1'),
    () => config('maxmemory', '0'),
  ],
  [
    'Redis lacks replicas',
    'redis-refuses-writes',
    () => config('min-replicas-to-write', '1'),
    () => config('min-replicas-to-write', '0'),
  ],
  [
    'Redis became a replica',
    'redis-refuses-writes',
    () => running.redis.replicaof('127.0.0.1', 1),
    () => running.redis.replicaof('NO', 'ONE'),
  ],
  [
    'the group is gone and may not be made again',
    'group-missing',
    async () => {
      await running.redis.acl('SETUSER', 'transport', '-xgroup');
      await running.redis.xgroup('DESTROY', running.stream, running.group);
    },
    () => running.redis.acl('SETUSER', 'transport', '+xgroup'),
  ],
  [
    'the stream key holds something else',
    'wrong-type',
    () => running.redis.set(running.stream, 'x'),
    () => running.redis.del(running.stream),
  ],
  [
    'the Redis user may do nothing',
    'no-permission',
    () => running.redis.acl('SETUSER', 'transport', '-@all'),
    () => running.redis.acl('SETUSER', 'transport', '+@all'),
  ],
  ['connections are refused', 'redis-unreachable', () => proxy.refuse(), () => proxy.heal()],
  ['the link is silently dead', 'redis-unreachable', () => proxy.blackhole(), () => proxy.heal()],
  ['Redis is killed', 'redis-unreachable', () => redis.kill(), restartWithUser],
];

it.each(TROUBLES)(
  'when %s, health says %s, and is ready by itself afterwards',
  async (_, code, harm, mend) => {
    await untilReady();
    await harm();
    await until(code);
    await mend();
    await untilReady();
  },
  60_000,
);

it('says so when the transport does not listen', async () => {
  const idle = new RedisStreamsServer({ connection: { url: redis.url }, group: 'g' });
  expect(await idle.checkHealth()).toMatchObject({ ready: false, causes: [{ code: 'not-listening' }] });
  await running.server.close();
  expect(await health()).toMatchObject({ ready: false, causes: [{ code: 'not-listening' }] });
});
