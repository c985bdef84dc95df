import type { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { get, post, type ErrorBody } from '../support/http.js';
import { openRedis } from '../support/open-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService, type Service } from '../support/service.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';

interface Health {
  status: string;
  checks: Record<string, { status: string; causes?: { code: string; message: string }[] }>;
}

const readiness = ({ url }: Service) => get<Health>(`${url}/health/ready`);
const place = ({ url }: Service, orderId: string) => post<ErrorBody>(`${url}/orders`, { orderId });
const stateOf = async ({ url }: Service, orderId: string) =>
  (await get<{ state?: string }>(`${url}/orders/${orderId}`)).body.state;

/** How often Redis has refused a command, being full. */
async function refusals(admin: Redis): Promise<number> {
  return Number(/errorstat_OOM:count=(\d+)/.exec(await admin.info('errorstats'))?.[1] ?? 0);
}

async function expectReady(service: Service): Promise<void> {
  await eventually(async () => ((await readiness(service)).status === 200 ? true : undefined));
}

async function expectUnavailable(request: () => Promise<{ status: number; body: ErrorBody }>): Promise<void> {
  const start = performance.now();
  const { status, body } = await request();
  expect(performance.now() - start).toBeLessThan(15_000);
  expect(status).toBe(503);
  expect(body).toMatchObject({ statusCode: 503, error: 'Service Unavailable' });
}

async function expectProcessed(service: Service, orderId: string): Promise<void> {
  await eventually(async () => ((await place(service, orderId)).status === 202 ? true : undefined));
  await eventually(async () => ((await stateOf(service, orderId)) === 'processed' ? true : undefined));
}

describe('while Redis is away', () => {
  let redis: TestRedis;

  beforeEach(async () => {
    redis = await startRedis({ kind: 'process', aof: true });
  });

  afterEach(async () => {
    await endServices();
    await redis.stop();
  });

  it('the service answers 503 in time, says why, lives, and recovers without a restart', async () => {
    const service = await startService({ REDIS_URL: redis.url });
    await expectReady(service);
    await expectProcessed(service, 'before');

    await redis.kill();
    await expectUnavailable(() => place(service, 'lost'));
    await expectUnavailable(() => get<ErrorBody>(`${service.url}/orders/before`));
    const { status, body } = await readiness(service);
    expect(status).toBe(503);
    expect(body.checks.transport?.causes?.map(({ code }) => code)).toContain('redis-unreachable');
    expect(JSON.stringify(body)).not.toContain(String(redis.port));
    expect((await get(`${service.url}/health/live`)).status).toBe(200);

    await redis.restart();
    await expectReady(service);
    expect(await stateOf(service, 'before')).toBe('processed');
    await expectProcessed(service, 'after');
  });

  it('the service starts, is not ready, and is once Redis comes', async () => {
    await redis.kill();
    const service = await startService({ REDIS_URL: redis.url });
    expect((await readiness(service)).status).toBe(503);
    expect((await get(`${service.url}/health/live`)).status).toBe(200);
    await expectUnavailable(() => place(service, 'early'));

    await redis.restart();
    await expectReady(service);
    await expectProcessed(service, 'after');
  });

  it('the service stops long before its grace is over', async () => {
    const service = await startService({ REDIS_URL: redis.url, SHUTDOWN_GRACE_MS: '600000' });
    await expectReady(service);
    await expectProcessed(service, 'before');
    await redis.kill();
    const { code, output } = await service.end('SIGTERM');
    expect(code).toBe(0);
    expect(output).not.toContain('did not finish');
  });
});

describe('while Redis is full for longer than all retries', () => {
  const ORDERS = 100;
  let redis: TestRedis;
  let admin: Redis;

  beforeEach(async () => {
    redis = await startRedis({ kind: 'process' });
    admin = openRedis(redis.url);
  });

  afterEach(async () => {
    await endServices();
    admin.disconnect();
    await redis.stop();
  });

  it('orders wait, none becomes a dead letter, and all are processed afterwards', async () => {
    const service = await startService({
      ...{ REDIS_URL: redis.url, MAX_RETRIES: '1', BACKOFF_INITIAL_MS: '20', RECOVERY_INTERVAL_MS: '50' },
    });
    await expectReady(service);
    const multi = admin.multi();
    for (let i = 0; i < ORDERS; i += 1) multi.xadd('orders', '*', 'orderId', `full-${i}`, 'retry', '0');
    // In one step with the orders: none of them is read before.
    multi.config('SET', 'maxmemory', '1');
    await multi.exec();
    await eventually(async () => ((await readiness(service)).status === 503 ? true : undefined));
    // More often than an order may fail.
    await eventually(async () => ((await refusals(admin)) >= 20 ? true : undefined));
    await admin.config('SET', 'maxmemory', '0');
    for (let i = 0; i < ORDERS; i += 1) {
      await eventually(async () =>
        (await stateOf(service, `full-${i}`)) === 'processed' ? true : undefined,
      );
    }
    await expectReady(service);
    expect(await admin.exists('orders.DLT')).toBe(0);
    expect(await admin.xpending('orders', 'order-group')).toEqual([0, null, null, null]);
  });
});

describe('while the link to Redis is dead but open', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let service: Service;

  beforeEach(async () => {
    redis = await startRedis({ kind: 'process' });
    proxy = await startProxy(redis.host, redis.port);
    service = await startService({
      REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      SHUTDOWN_GRACE_MS: '600000',
    });
    await expectReady(service);
    proxy.blackhole();
  });

  afterEach(async () => {
    await endServices();
    await proxy.stop();
    await redis.stop();
  });

  it('the service answers 503 in time and recovers when the link heals', async () => {
    await expectUnavailable(() => place(service, 'lost'));
    await expectUnavailable(() => get<ErrorBody>(`${service.url}/orders/lost`));
    expect((await readiness(service)).status).toBe(503);

    await proxy.heal();
    await expectReady(service);
    await expectProcessed(service, 'after');
  });

  it('the service stops long before its grace is over', async () => {
    const { code, output } = await service.end('SIGTERM');
    expect(code).toBe(0);
    expect(output).not.toContain('did not finish');
  });
});
