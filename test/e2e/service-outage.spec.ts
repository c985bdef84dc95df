import { eventually } from '../support/eventually.js';
import { get, post, type ErrorBody } from '../support/http.js';
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

async function expectReady(service: Service): Promise<void> {
  await eventually(async () => ((await readiness(service)).status === 200 ? true : undefined));
}

async function expectUnavailable(request: () => Promise<{ status: number; body: ErrorBody }>): Promise<void> {
  const start = performance.now();
  const { status, body } = await request();
  expect(performance.now() - start).toBeLessThan(3000);
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
  }, 60_000);

  it('the service starts, is not ready, and is once Redis comes', async () => {
    await redis.kill();
    const service = await startService({ REDIS_URL: redis.url });
    expect((await readiness(service)).status).toBe(503);
    expect((await get(`${service.url}/health/live`)).status).toBe(200);
    await expectUnavailable(() => place(service, 'early'));

    await redis.restart();
    await expectReady(service);
    await expectProcessed(service, 'after');
  }, 60_000);

  it('the service stops in time', async () => {
    const service = await startService({ REDIS_URL: redis.url, SHUTDOWN_GRACE_MS: '1000' });
    await expectReady(service);
    await redis.kill();
    const start = performance.now();
    const { code } = await service.end('SIGTERM');
    expect(code).toBe(0);
    expect(performance.now() - start).toBeLessThan(4000);
  }, 60_000);
});

describe('while the link to Redis is dead but open', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let service: Service;

  beforeEach(async () => {
    redis = await startRedis({ kind: 'process' });
    proxy = await startProxy(redis.host, redis.port);
    service = await startService({ REDIS_URL: `redis://127.0.0.1:${proxy.port}`, SHUTDOWN_GRACE_MS: '1000' });
    await expectReady(service);
    proxy.blackhole();
  }, 60_000);

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
  }, 60_000);

  it('the service stops in time', async () => {
    const start = performance.now();
    const { code } = await service.end('SIGTERM');
    expect(code).toBe(0);
    expect(performance.now() - start).toBeLessThan(4000);
  }, 60_000);
});
