import { Pool, type PoolClient } from 'pg';
import type { Redis } from 'ioredis';
import { PostgresIdempotencyStore } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { faultyPool, type PoolFaults } from '../../support/faulty-pool.js';
import { closedGate } from '../../support/gate.js';
import { addOrders, deadLetters, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { seed } from '../../support/seeded-bugs/seed.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import {
  startServer,
  type ServerSetup,
  type StartedServer,
  type TestHandler,
} from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

describe('A handler in the transaction of its key', () => {
  const started: StartedServer[] = [];
  let undo = (): void => undefined;
  let postgres: TestPostgres;
  let pool: Pool;
  let store: PostgresIdempotencyStore;
  let redis: Redis;
  let stream: string;
  let calls: string[];

  beforeAll(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 20 });
    pool.on('error', () => undefined);
    store = new PostgresIdempotencyStore(pool);
    await store.ensureTable();
    await pool.query('CREATE TABLE effects (stream text, order_id text)');
  });
  afterAll(async () => {
    await pool.end();
    await postgres.stop();
  });
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
    calls = [];
  });
  afterEach(async () => {
    undo();
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
    expect(pool.totalCount - pool.idleCount).toBe(0);
  });

  function handlerWith(work: TestHandler = () => undefined): TestHandler {
    return async (payload, context) => {
      if (payload.orderId === 'ends-the-read') return;
      calls.push(context.getEntryId());
      const sql = 'INSERT INTO effects VALUES ($1, $2)';
      await context.getTransaction<PoolClient>().query(sql, [stream, payload.orderId]);
      await work(payload, context);
    };
  }
  async function start(setup: Partial<ServerSetup> = {}): Promise<StartedServer> {
    const idempotent = { key: (payload: unknown) => (payload as { orderId: string }).orderId };
    const options = { idempotency: { store }, ...setup.options };
    const running = await startServer({ stream, handler: handlerWith(), idempotent, ...setup, options });
    started.push(running);
    return running;
  }
  async function effects(): Promise<string[]> {
    const sql = 'SELECT order_id FROM effects WHERE stream = $1 ORDER BY order_id';
    const { rows } = await pool.query<{ order_id: string }>(sql, [stream]);
    return rows.map((row) => row.order_id);
  }
  const settled = () => eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));

  it('has one effect for an order that was sent twice, on two processes at once', async () => {
    const servers = await Promise.all([start(), start()]);
    const orderIds = Array.from({ length: 30 }, (_, i) => `order-${String(i).padStart(2, '0')}`);
    await addOrders(redis, stream, [...orderIds, ...orderIds]);
    await settled();
    expect(await effects()).toEqual(orderIds);
    expect(servers.flatMap(({ told }) => told.duplicate)).toHaveLength(30);
    expect(servers.flatMap(({ told }) => told.failed)).toEqual([]);
  });

  it('has its effect once when the process dies between the commit and the acknowledgement', async () => {
    undo = seed({ acknowledge: () => new Promise(() => undefined) });
    const dying = await start({ options: { shutdownGraceMs: 50 } });
    const [order] = await addOrders(redis, stream, ['42']);
    await eventually(() => dying.told.processed[0]);
    await dying.close();
    const rows = await pendingRows(redis, stream);
    expect(rows.find(({ id }) => id === order)).toMatchObject({ count: 1 });
    undo();
    const next = await start();
    await eventually(() => next.told.duplicate.find(({ deliveryCount }) => deliveryCount === 2));
    await settled();
    expect(await effects()).toEqual(['42']);
  });

  it('undoes the effect of a handler that fails, and of one whose time is up, and tries again', async () => {
    const gate = closedGate();
    const { told } = await start({
      handler: handlerWith(() => {
        if (calls.length === 1) throw new Error('fails');
        return calls.length === 2 ? gate.pass() : undefined;
      }),
      retry: { handlerTimeoutMs: 150 },
    });
    await addOrders(redis, stream, ['42']);
    await eventually(() => told.processed[0]);
    await settled();
    expect(told.failed.map(({ error }) => (error as Error).name)).toEqual(['Error', 'HandlerTimeoutError']);
    expect(await effects()).toEqual(['42']);
    gate.open();
  });

  it('puts a duplicate off uncharged while the first is at work', async () => {
    const gate = closedGate();
    const { told } = await start({ handler: handlerWith(() => gate.pass()), retry: { maxRetries: 0 } });
    await addOrders(redis, stream, ['42']);
    await gate.reached;
    const [second] = await addOrders(redis, stream, ['42']);
    await eventually(() => (told['duplicate-waiting'].length > 1 ? true : undefined));
    gate.open();
    await settled();
    expect(told.duplicate).toMatchObject([{ entryId: second, deliveryCount: 1 }]);
    expect(await effects()).toEqual(['42']);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });

  it('refuses context.commit beside it, and then commits neither', async () => {
    const handler = handlerWith((_payload, context) => context.commit((tx) => tx.set(`${stream}:key`, 'x')));
    const { told } = await start({ handler });
    await addOrders(redis, stream, ['42']);
    await eventually(() => told['dead-lettered'][0]);
    expect(told.failed[0]?.error).toMatchObject({
      message: expect.stringContaining('context.commit') as string,
    });
    expect(await effects()).toEqual([]);
    expect(await redis.exists(`${stream}:key`)).toBe(0);
  });

  describe('while PostgreSQL is away', () => {
    const lost = (): Error => new Error('Connection terminated unexpectedly');
    let isAway: boolean;
    let refusals: number;
    const connecting = (): void => {
      if (!isAway) return;
      refusals += 1;
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    };
    const startWith = (faults: PoolFaults): Promise<StartedServer> =>
      start({
        options: { idempotency: { store: new PostgresIdempotencyStore(faultyPool(pool, faults)) } },
        retry: { maxRetries: 0 },
      });
    const refusedTwice = () => eventuallyPasses(() => expect(refusals).toBeGreaterThan(1));

    beforeEach(() => {
      isAway = false;
      refusals = 0;
    });

    it('waits for it, without a delivery being charged', async () => {
      isAway = true;
      const { told } = await startWith({ connecting });
      const [order] = await addOrders(redis, stream, ['42']);
      await refusedTwice();
      isAway = false;
      await settled();
      expect(told.processed).toMatchObject([{ entryId: order, deliveryCount: 1 }]);
      expect(told['retry-scheduled']).toEqual([]);
    });

    it('never dead-letters an order whose commit had no answer: it is found to be done', async () => {
      const { told } = await startWith({
        connecting,
        query: async (client, text, values) => {
          if (isAway) throw lost();
          const answer = await client.query(text, values);
          if (text !== 'COMMIT') return answer;
          isAway = true;
          throw lost();
        },
      });
      const [order] = await addOrders(redis, stream, ['42']);
      await refusedTwice();
      isAway = false;
      await settled();
      expect(told.duplicate).toMatchObject([{ entryId: order, deliveryCount: 1 }]);
      expect(told['retry-scheduled']).toEqual([]);
      expect(await deadLetters(redis, stream)).toEqual([]);
      expect(await effects()).toEqual(['42']);
    });
  });

  it('does not let a timeout decide while the commit is under way', async () => {
    const [answer, hanging] = [closedGate(), closedGate()];
    let commits = 0;
    const slow = faultyPool(pool, {
      query: async (client, text, values) => {
        const result = await client.query(text, values);
        if (text === 'COMMIT') commits += 1;
        if (text === 'COMMIT' && commits === 1) await answer.pass();
        return result;
      },
    });
    const { told } = await start({
      options: { idempotency: { store: new PostgresIdempotencyStore(slow) } },
      handler: handlerWith(({ orderId }) => (orderId === 'hangs' ? hanging.pass() : undefined)),
      retry: { maxRetries: 0, handlerTimeoutMs: 100 },
    });
    await addOrders(redis, stream, ['42']);
    await answer.reached;
    // The time of an entry that comes later is up, so that of the first one is.
    await addOrders(redis, stream, ['hangs']);
    expect(await eventually(() => told['dead-lettered'][0])).toMatchObject({ payload: { orderId: 'hangs' } });
    hanging.open();
    answer.open();
    await settled();
    expect(told.processed).toMatchObject([{ payload: { orderId: '42' } }]);
    expect(await deadLetters(redis, stream)).toHaveLength(1);
    expect(await effects()).toEqual(['42']);
  });

  it('tells a handler without such a store that there is no transaction', async () => {
    const { told } = await start({
      options: { idempotency: { store: 'redis' } },
      retry: { maxRetries: 0 },
    });
    await addOrders(redis, stream, ['42']);
    await eventually(() => told['dead-lettered'][0]);
    expect(told.failed[0]?.error).toMatchObject({
      message: expect.stringContaining('give it @Idempotent with a store that opens one') as string,
    });
  });
});
