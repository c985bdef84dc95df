import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import type { HealthReport } from '../../src/operations/health/health-report.dto.js';
import type { OrderView } from '../../src/orders/order-state.js';
import { eventually } from '../support/eventually.js';
import { eventuallyPasses } from '../support/eventually-passes.js';
import { get, post } from '../support/http.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';
import { metricsIn } from '../support/prometheus.js';
import { endServices, runService, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { uniqueName } from '../support/unique-name.js';

describe('the service with DATABASE_URL', () => {
  let postgres: TestPostgres;
  let redis: Redis;
  let proxy: TcpProxy;
  let stream: string;

  beforeAll(async () => {
    const { hostname, port } = new URL(sharedRedisUrl());
    [postgres, proxy] = await Promise.all([startPostgres(), startProxy(hostname, Number(port))]);
    redis = new Redis(sharedRedisUrl());
  });
  beforeEach(() => {
    stream = uniqueName('orders');
  });
  afterEach(() => endServices());
  afterAll(async () => {
    redis.disconnect();
    await proxy.stop();
    await postgres.stop();
  });

  const start = (redisUrl = sharedRedisUrl(), databaseUrl = postgres.url): Promise<Service> =>
    startService({
      ...{ REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, STREAM_KEY: stream, GROUP_NAME: 'g' },
      ...{ ACK_WAIT_MS: '300', RECOVERY_INTERVAL_MS: '50', MAX_RETRIES: '0', BACKOFF_INITIAL_MS: '50' },
    });
  const throughProxy = () => `redis://127.0.0.1:${proxy.port}`;
  const find = async ({ url }: Service, orderId: string) =>
    (await get<OrderView>(`${url}/orders/${orderId}`)).body;
  const processed = (service: Service, orderId: string) =>
    eventually(async () => {
      const order = await find(service, orderId);
      return order.state === 'processed' ? order : undefined;
    });
  const metrics = async ({ url }: Service) => metricsIn(await (await fetch(`${url}/metrics`)).text());
  const saysReady = async (service: Service) => (await metrics(service)).value('order_streams_ready', {});
  const pending = async () => ((await redis.xpending(stream, 'g')) as [number])[0];
  const followUps = () => redis.xlen(`${stream}.processed`);

  async function withDatabase<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ connectionString: postgres.url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  it('keeps them there, and not in Redis', async () => {
    const service = await start();
    const { body } = await post<{ entryId: string }>(`${service.url}/orders`, {
      orderId: '42',
      amount: 12.5,
    });
    const order = await processed(service, '42');
    expect(order).toMatchObject({ entryId: body.entryId, attempts: 1 });
    expect(await redis.exists(`{${stream}}:order:42`)).toBe(0);
    const { rows } = await withDatabase((client) =>
      client.query('select payload, state, ended_by from order_streams_orders where stream = $1', [stream]),
    );
    const payload = { orderId: '42', amount: 12.5 };
    expect(rows).toEqual([{ payload, state: 'processed', ended_by: body.entryId }]);
  });

  it('tells of an order once, although its process is killed between the effect and the acknowledgement', async () => {
    const victim = await start(throughProxy());
    await withDatabase(async (client) => {
      // The row is held until the entry is delivered and the link to Redis is dead.
      await client.query('begin');
      await client.query('lock table order_streams_orders in exclusive mode');
      const entryId = await redis.xadd(stream, '*', 'orderId', 'crashed', 'retry', '0');
      await eventually(() => victim.records.find(({ message }) => message === 'Order received'));
      proxy.blackhole();
      await client.query('rollback');
      const query = 'select ended_by from order_streams_orders where stream = $1 and state is not null';
      await eventuallyPasses(async () =>
        expect((await client.query(query, [stream])).rows).toEqual([{ ended_by: entryId }]),
      );
    });
    await victim.end('SIGKILL');
    await proxy.heal();
    expect([await pending(), await followUps()]).toEqual([1, 0]);

    const survivor = await start();
    await eventuallyPasses(async () => expect(await pending()).toBe(0));
    expect(await followUps()).toBe(1);
    expect(await find(survivor, 'crashed')).toMatchObject({ state: 'processed', attempts: 1 });
    expect(await redis.exists(`${stream}.DLT`)).toBe(0);
  });

  it('answers 503 and dead-letters nothing while PostgreSQL is away, and goes on when it is back', async () => {
    const service = await start();
    await postgres.kill();
    const { status, body } = await post<{ message: string }>(`${service.url}/orders`, { orderId: 'later' });
    expect([status, body.message]).toEqual([503, expect.stringContaining('database') as string]);
    expect((await get(`${service.url}/orders/later`)).status).toBe(503);
    await redis.xadd(stream, '*', 'orderId', 'waiting', 'retry', '0');
    const failures = () => service.records.filter(({ message }) => message === 'Order failed');
    await eventually(() => failures()[2]);
    const ready = await get<HealthReport>(`${service.url}/health/ready`);
    expect(ready).toMatchObject({
      status: 503,
      body: { checks: { store: { status: 'down', causes: [{ code: 'database-unreachable' }] } } },
    });
    expect(await saysReady(service)).toBe(0);
    await postgres.restart();
    expect(await processed(service, 'waiting')).toMatchObject({ attempts: 1 });
    expect((await get(`${service.url}/health/ready`)).status).toBe(200);
    expect(await saysReady(service)).toBe(1);
    const labels = { stream, group: 'g' };
    const putOff = { ...labels, reason: 'postgresql' };
    const delays = service.records
      .filter(({ message }) => message === 'Order put off')
      .map(({ delayMs }) => Number(delayMs));
    expect(delays.at(-1)).toBeGreaterThan(delays[0] ?? Infinity);
    expect((await metrics(service)).value('order_streams_put_off_total', putOff)).toBeGreaterThan(2);
    expect((await metrics(service)).value('order_streams_retried_total', labels)).toBe(0);
    expect(await redis.exists(`${stream}.DLT`)).toBe(0);
    expect((await post(`${service.url}/orders`, { orderId: 'later' })).status).toBe(202);
    await processed(service, 'later');
  });

  it('ends soon, and well, when it is stopped while PostgreSQL is unavailable', async () => {
    const service = await start();
    await redis.xadd(stream, '*', 'orderId', 'before', 'retry', '0');
    await processed(service, 'before');
    await postgres.kill();
    const { code, output } = await service.end('SIGTERM');
    await postgres.restart();
    expect(code).toBe(0);
    expect(output).not.toContain('did not finish');
  });

  it('takes an order in when it is placed again after its entry could not be sent', async () => {
    const service = await start(throughProxy());
    proxy.blackhole();
    expect((await post(`${service.url}/orders`, { orderId: 'again' })).status).toBe(503);
    await proxy.heal();
    await eventuallyPasses(async () =>
      expect((await post(`${service.url}/orders`, { orderId: 'again' })).status).toBe(202),
    );
    await processed(service, 'again');
    await eventuallyPasses(async () => expect(await pending()).toBe(0));
    expect(await followUps()).toBe(1);
  });

  describe('whose connections to PostgreSQL break', () => {
    let link: TcpProxy;
    beforeEach(async () => {
      const { hostname, port } = new URL(postgres.url);
      link = await startProxy(hostname, Number(port));
    });
    afterEach(() => link.stop());
    const linkUrl = () => Object.assign(new URL(postgres.url), { port: String(link.port) }).href;

    const nothingPending = () => eventuallyPasses(async () => expect(await pending()).toBe(0));

    /** Does it while statements of the service wait for a lock, so that their connections are in use. */
    async function whileLent(fault: () => Promise<unknown>): Promise<void> {
      await nothingPending();
      const client = new Client({ connectionString: postgres.url });
      client.on('error', () => undefined);
      await client.connect();
      await client.query('begin; lock table order_streams_orders in exclusive mode');
      for (let i = 0; i < 20; i += 1) {
        await redis.xadd(stream, '*', 'orderId', `order-${randomUUID()}`, 'retry', '0');
      }
      const waiting =
        "select 1 from pg_stat_activity where application_name = 'order-streams' and wait_event_type = 'Lock'";
      // Within one transaction this view does not change.
      await withDatabase((other) =>
        eventuallyPasses(async () => expect((await other.query(waiting)).rows.length).toBeGreaterThan(0)),
      );
      await fault();
      await client.query('rollback').catch(() => undefined);
      await client.end().catch(() => undefined);
    }

    it.each<[string, (service: Service) => Promise<unknown>]>([
      [
        'an administrator ends them',
        () =>
          withDatabase((client) =>
            client.query(
              'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()',
              ['order-streams'],
            ),
          ),
      ],
      ['the server is killed and started', () => postgres.restart()],
      [
        'the link is reset',
        () => {
          link.cut();
          return link.heal();
        },
      ],
      [
        'the link falls silent',
        async ({ url }) => {
          link.blackhole();
          await eventuallyPasses(async () => expect((await get(`${url}/health/ready`)).status).toBe(503));
          await link.heal();
        },
      ],
    ])(
      'goes on when %s, and holds it against no order',
      async (_, fault) => {
        const service = await start(sharedRedisUrl(), linkUrl());
        const crashed = service.ended.then(({ output }) => {
          throw new Error(`The process ended:\n${output}`);
        });
        crashed.catch(() => undefined);
        const breakThrice = async () => {
          for (let i = 0; i < 3; i += 1) await whileLent(() => fault(service));
        };
        await Promise.race([breakThrice(), crashed]);
        await Promise.race([nothingPending(), crashed]);
        expect(await redis.exists(`${stream}.DLT`)).toBe(0);
        const { rows } = await withDatabase((client) =>
          client.query<{ orders: string }>(
            "select count(*) as orders from order_streams_orders where stream = $1 and state = 'processed'",
            [stream],
          ),
        );
        expect(Number(rows[0]?.orders)).toBe(await redis.xlen(stream));
        expect(await followUps()).toBe(await redis.xlen(stream));
      },
      180_000,
    );
  });

  describe('that starts without its database', () => {
    it('stays up, says so, answers 503, and begins when the database is there', async () => {
      await postgres.kill();
      const service = await start();
      expect((await post(`${service.url}/orders`, { orderId: 'early' })).status).toBe(503);
      expect((await get(`${service.url}/orders/early`)).status).toBe(503);
      expect((await get(`${service.url}/health/live`)).status).toBe(200);
      expect(await get<HealthReport>(`${service.url}/health/ready`)).toMatchObject({
        status: 503,
        body: { checks: { store: { status: 'down', causes: [{ code: 'database-unreachable' }] } } },
      });
      await redis.xadd(stream, '*', 'orderId', 'waiting', 'retry', '0');
      await postgres.restart();
      expect(await processed(service, 'waiting')).toMatchObject({ attempts: 1 });
      await eventuallyPasses(async () => expect((await get(`${service.url}/health/ready`)).status).toBe(200));
      expect((await post(`${service.url}/orders`, { orderId: 'early' })).status).toBe(202);
      await processed(service, 'early');
      const said = service.records.filter(({ message }) => message.includes('DATABASE_URL'));
      // Each reason once: refused, and perhaps starting.
      expect(new Set(said.map(({ message }) => message)).size).toBe(said.length);
      expect(said[0]).toMatchObject({ level: 'warn' });
    });

    it('begins when the database is made, with tables of its own', async () => {
      const name = uniqueName('late').replaceAll(/[^a-z0-9]/g, '_');
      const service = await start(
        sharedRedisUrl(),
        Object.assign(new URL(postgres.url), { pathname: name }).href,
      );
      await redis.xadd(stream, '*', 'orderId', '42', 'retry', '0');
      expect((await post(`${service.url}/orders`, { orderId: '43' })).status).toBe(503);
      expect(((await redis.xinfo('GROUPS', stream)) as unknown[]).length).toBe(0);
      await withDatabase((client) => client.query(`create database ${name}`));
      await processed(service, '42');
      await service.end('SIGTERM');
    });

    it('ends at once when it is stopped meanwhile', async () => {
      const service = await start(sharedRedisUrl(), 'postgres://user:hunter2@127.0.0.1:1/orders');
      const { code, output } = await service.end('SIGTERM');
      expect(code).toBe(0);
      expect(output).toContain('DATABASE_URL');
      expect(output).not.toContain('hunter2');
    });
  });

  it('refuses to start where the database refuses it, and names the variable, not the password', async () => {
    const wrong = Object.assign(new URL(postgres.url), { password: 'hunter2' });
    const { code, output } = await runService({
      ...{ REDIS_URL: sharedRedisUrl(), PORT: '0' },
      DATABASE_URL: wrong.href,
    });
    expect(code).toBe(1);
    expect(output).toContain('DATABASE_URL');
    expect(output).not.toContain('hunter2');
  });
});
