import { Redis } from 'ioredis';
import type { HealthReport } from '../../src/operations/health/health-report.dto.js';
import { eventually } from '../support/eventually.js';
import { eventuallyPasses } from '../support/eventually-passes.js';
import { get, post } from '../support/http.js';
import { openRedis } from '../support/open-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService, type Service } from '../support/service.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

let redis: TestRedis;
let admin: Redis;
let proxy: TcpProxy;
let service: Service;
let restarting: Promise<void> | undefined;

beforeAll(async () => {
  const slowLoad = ['--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024'];
  const args = [...slowLoad, '--rdbcompression', 'no', '--enable-protected-configs', 'yes'];
  redis = await startRedis({ kind: 'process', args });
  admin = openRedis(redis.url);
  proxy = await startProxy(redis.host, redis.port);
  service = await startService({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
});

afterAll(async () => {
  await endServices();
  admin.disconnect();
  await proxy.stop();
  await restarting;
  await redis.stop();
});

const config = (name: string, value: string) => admin.config('SET', name, value);
const health = (kind: 'live' | 'ready') => get<HealthReport>(`${service.url}/health/${kind}`);

async function signalRedis(signal: 'SIGSTOP' | 'SIGCONT', pid: number): Promise<void> {
  process.kill(pid, signal);
  return Promise.resolve();
}

async function pidOfRedis(): Promise<number> {
  return Number(/process_id:(\d+)/.exec(await admin.info('server'))?.[1]);
}

async function expectWorks(orderId: string): Promise<void> {
  await eventuallyPasses(async () => {
    const { status, body } = await health('ready');
    expect(body).toMatchObject({ status: 'ok', checks: { transport: { status: 'up' } } });
    expect(status).toBe(200);
    expect((await post(`${service.url}/orders`, { orderId })).status).toBe(202);
  });
  await eventually(async () => {
    const { body } = await get<{ state: string }>(`${service.url}/orders/${orderId}`);
    return body.state === 'processed' ? true : undefined;
  });
}

/** 20 ms each: Redis loads until it is told to hurry. */
const FILLERS = 1_500;

let pid = 0;
let directory = '';

const FAULTS: [fault: string, cause: object, harm: () => unknown, mend: () => unknown][] = [
  ['Redis is killed', { code: 'redis-unreachable' }, () => redis.kill(), () => redis.restart()],
  [
    'Redis hangs',
    { code: 'redis-unreachable' },
    async () => {
      pid = await pidOfRedis();
      await signalRedis('SIGSTOP', pid);
    },
    () => signalRedis('SIGCONT', pid),
  ],
  ['the network is silent', { code: 'redis-unreachable' }, () => proxy.blackhole(), () => proxy.heal()],
  [
    'only the link of the reader is silent',
    { code: 'redis-unreachable', stream: 'orders' },
    () => proxy.blackholeThoseWho(':reader'),
    () => proxy.heal(),
  ],
  [
    'Redis became a replica',
    { code: 'redis-refuses-writes', reply: 'READONLY' },
    () => admin.replicaof('127.0.0.1', 1),
    () => admin.replicaof('NO', 'ONE'),
  ],
  [
    'Redis loads its data',
    { code: 'redis-refuses-writes', reply: 'LOADING' },
    async () => {
      const pipeline = admin.pipeline();
      for (let i = 0; i < FILLERS; i += 1) pipeline.set(`filler-${i}`, 'x'.repeat(1100));
      await pipeline.exec();
      await admin.save();
      await redis.kill();
      restarting = redis.restart();
    },
    async () => {
      const whileLoading = new Redis(redis.url, { enableReadyCheck: false });
      await whileLoading.config('SET', 'key-load-delay', '0');
      whileLoading.disconnect();
      await restarting;
      await admin.del(...Array.from({ length: FILLERS }, (_, i) => `filler-${i}`));
    },
  ],
  [
    'Redis is out of memory',
    { code: 'redis-refuses-writes', reply: 'OOM' },
    () => config('maxmemory', '1'),
    () => config('maxmemory', '0'),
  ],
  [
    'Redis cannot save',
    { code: 'redis-refuses-writes', reply: 'MISCONF' },
    async () => {
      const [, dir] = (await admin.config('GET', 'dir')) as [string, string];
      directory = dir;
      await config('dir', '/proc');
      await config('save', '3600 1');
      await admin.bgsave();
    },
    async () => {
      await config('dir', directory);
      await config('save', '');
      await admin.bgsave();
    },
  ],
  [
    'Redis lacks replicas',
    { code: 'redis-refuses-writes', reply: 'NOREPLICAS' },
    () => config('min-replicas-to-write', '1'),
    () => config('min-replicas-to-write', '0'),
  ],
  [
    'the key of the stream holds something else',
    { code: 'wrong-type', stream: 'orders' },
    () => admin.set('orders', 'x'),
    () => admin.del('orders'),
  ],
  [
    'the recovery fails',
    { code: 'recovery-failing' },
    () => admin.set('{orders}:order-group:retry', 'x'),
    () => admin.del('{orders}:order-group:retry'),
  ],
];

it.each(FAULTS)(
  'when %s, readiness says so, the process lives, and all is well by itself afterwards',
  async (fault, cause, harm, mend) => {
    await expectWorks(`before-${FAULTS.findIndex(([name]) => name === fault)}`);
    await harm();
    try {
      await eventuallyPasses(async () => {
        const { status, body } = await health('ready');
        expect(status).toBe(503);
        expect(body.status).toBe('error');
        expect(body.checks.transport).toMatchObject({
          status: 'down',
          causes: expect.arrayContaining([expect.objectContaining(cause)]) as unknown,
        });
        expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|redis:\/\/|before-/);
      });
      const { status, body } = await health('live');
      expect([status, body.status]).toEqual([200, 'ok']);
    } finally {
      await mend();
    }
    await expectWorks(`after-${FAULTS.findIndex(([name]) => name === fault)}`);
  },
  60_000,
);

it('makes a group anew that was destroyed, and goes on', async () => {
  await expectWorks('before-destroy');
  await admin.xgroup('DESTROY', 'orders', 'order-group');
  await expectWorks('after-destroy');
});
