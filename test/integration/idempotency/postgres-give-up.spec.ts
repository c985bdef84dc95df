import type { Redis } from 'ioredis';
import { Pool, type PoolClient } from 'pg';
import {
  DeadLetters,
  GivenUpError,
  PostgresIdempotencyStore,
  type IdempotencyClaim,
  type RedisStreamsContext,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { closedGate } from '../../support/gate.js';
import { abandon, addOrders, deadLetters, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, startServer, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

let postgres: TestPostgres;
let pool: Pool;
let store: PostgresIdempotencyStore;

beforeAll(async () => {
  postgres = await startPostgres();
  pool = new Pool({ connectionString: postgres.url, max: 20 });
  store = new PostgresIdempotencyStore(pool);
  await store.ensureTable();
  await pool.query('CREATE TABLE effects (key text, entry_id text)');
});
afterAll(async () => {
  await pool.end();
  await postgres.stop();
});

async function effects(key: string): Promise<string[]> {
  const sql = 'SELECT entry_id FROM effects WHERE key = $1';
  const { rows } = await pool.query<{ entry_id: string }>(sql, [key]);
  return rows.map((row) => row.entry_id);
}

describe('An entry that is given up in PostgreSQL', () => {
  let key: string;
  beforeEach(() => {
    key = uniqueName('order');
  });
  const claimOf = (id: string): IdempotencyClaim => ({
    ...{ stream: 'orders', group: 'order-group', handler: 'orders', key },
    ...{ entry: { id, deliveryCount: 1 }, windowMs: 60_000, handlerTimeoutMs: 60_000 },
    signal: new AbortController().signal,
  });
  const run = (id: string, meanwhile: () => unknown = () => undefined) =>
    store.run(claimOf(id), async (client) => {
      await (client as PoolClient).query('INSERT INTO effects VALUES ($1, $2)', [key, id]);
      await meanwhile();
    });
  const giveUp = (id: string) => store.giveUp(claimOf(id));

  it('has no effect afterwards, whoever still has it', async () => {
    expect(await giveUp('1-0')).toBe('given-up');
    await expect(run('1-0')).rejects.toThrow(GivenUpError);
    expect(await giveUp('1-0')).toBe('given-up');
    expect(await effects(key)).toEqual([]);
  });

  it('leaves its key to its replay, and to any other entry', async () => {
    await giveUp('1-0');
    expect(await run('2-0')).toEqual({ outcome: 'done' });
    expect(await run('3-0')).toEqual({ outcome: 'duplicate' });
    expect(await effects(key)).toEqual(['2-0']);
  });

  it('is not given up when its effect is there, or that of another one', async () => {
    await run('1-0');
    expect(await giveUp('1-0')).toBe('done');
    expect(await giveUp('2-0')).toBe('done');
    expect(await run('2-0')).toEqual({ outcome: 'duplicate' });
  });

  it('cannot be given up while its handler runs, and waits for its end', async () => {
    const gate = closedGate();
    const running = run('1-0', () => gate.pass());
    await gate.reached;
    await expect(giveUp('1-0')).rejects.toThrow('is being handled');
    const later = giveUp('1-0');
    gate.open();
    expect(await running).toEqual({ outcome: 'done' });
    expect(await later).toBe('done');
    expect(await effects(key)).toEqual(['1-0']);
  });

  it('stays given up, whatever becomes of its replays and of others with its key', async () => {
    await giveUp('1-0');
    await giveUp('2-0');
    await expect(run('3-0', () => Promise.reject(new Error('fails')))).rejects.toThrow('fails');
    await giveUp('3-0');
    // What an old process sends late changes nothing newer.
    expect(await giveUp('1-0')).toBe('given-up');
    for (const id of ['1-0', '2-0', '3-0']) await expect(run(id)).rejects.toThrow(GivenUpError);
    expect(await run('4-0')).toEqual({ outcome: 'done' });
    expect(await effects(key)).toEqual(['4-0']);
  });

  it('is remembered as long as its key would be, also when keys are deleted', async () => {
    const own = new PostgresIdempotencyStore(pool, { table: 'given_up_inbox' });
    await own.ensureTable();
    await own.giveUp(claimOf('1-0'));
    for (let i = 0; i < 500; i += 10) {
      await Promise.all(
        Array.from({ length: 10 }, (_, j) =>
          own.run({ ...claimOf(`${i + j}-9`), key: `${i + j}`, windowMs: 1 }, () => Promise.resolve()),
        ),
      );
    }
    await eventuallyPasses(async () => {
      const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM given_up_inbox');
      expect(Number(rows[0]?.count)).toBeLessThan(100);
    });
    await expect(own.run(claimOf('1-0'), () => Promise.resolve())).rejects.toThrow(GivenUpError);
  });

  it('is deleted with its key once its time is over, also where nothing else is done, and much is left over', async () => {
    const own = new PostgresIdempotencyStore(pool, { table: 'much_inbox' });
    await own.ensureTable();
    await pool.query(`INSERT INTO much_inbox (scope, key, entry_id, expires_at)
      SELECT 'old', n::text, '1-0', '-infinity' FROM generate_series(1, 5000) AS n`);
    for (let i = 0; i < 500; i += 10) {
      await Promise.all(
        Array.from({ length: 10 }, (_, j) => own.giveUp({ ...claimOf(`${i + j}-9`), key: `${i + j}` })),
      );
    }
    await eventuallyPasses(async () => {
      const { rows } = await pool.query("SELECT 1 FROM much_inbox WHERE scope = 'old'");
      expect(rows).toEqual([]);
    });
  });
});

describe('A handler with its keys in PostgreSQL', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  async function start(
    work: (context: RedisStreamsContext) => unknown,
    own: PostgresIdempotencyStore = store,
  ): Promise<StartedServer> {
    const running = await startServer({
      stream,
      handler: async (payload, context) => {
        if (payload.orderId === 'ends-the-read') return;
        const sql = 'INSERT INTO effects VALUES ($1, $2)';
        await context.getTransaction<PoolClient>().query(sql, [stream, context.getEntryId()]);
        await work(context);
      },
      idempotent: { key: (payload) => (payload as { orderId: string }).orderId },
      retry: { maxRetries: 0 },
      options: { idempotency: { store: own }, ackWaitMs: 200 },
    });
    started.push(running);
    return running;
  }
  const settled = () => eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));

  it('never has its effect after its dead letter, nor loses the replay, when a process comes back late', async () => {
    const deadLetterStore = new DeadLetters({
      connection: { url: sharedRedisUrl() },
      streams: { orders: stream },
      pattern: 'orders',
    });
    try {
      // It was abandoned when it ran alone, so it is dead-lettered without being run.
      await addOrders(redis, stream, ['42']);
      const [entryId = ''] = await abandon(redis, stream, { consumer: 'killed', count: 4 });
      await redis.set(`{${stream}}:${GROUP}:alone:${entryId}`, '4', 'PX', 60_000);
      const { told } = await start(() => undefined);
      await eventually(() => told['dead-lettered'][0]);
      const late = (): Promise<unknown> =>
        store.run(
          {
            ...{ stream, group: GROUP, handler: 'orders', key: '42' },
            ...{ entry: { id: entryId, deliveryCount: 4 }, windowMs: 60_000, handlerTimeoutMs: 60_000 },
            signal: new AbortController().signal,
          },
          async (client) => {
            await (client as PoolClient).query('INSERT INTO effects VALUES ($1, $2)', [stream, entryId]);
          },
        );
      await expect(late()).rejects.toThrow(GivenUpError);
      const [letter] = await deadLetters(redis, stream);
      const replayed = await deadLetterStore.replay(letter?.id ?? '', { by: 'test' });
      await eventually(() => told.processed[0]);
      await settled();
      await late().catch(() => undefined);
      expect(await effects(stream)).toEqual([replayed.entryId]);
      expect(await deadLetters(redis, stream)).toEqual([]);
    } finally {
      await deadLetterStore.close();
    }
  });

  it('gives up the key that was asked for, also where the handler changed the payload', async () => {
    const asked: string[] = [];
    const own = new PostgresIdempotencyStore(pool);
    const giveUp = own.giveUp.bind(own);
    own.giveUp = (generation) => {
      asked.push(generation.key);
      return giveUp(generation);
    };
    const running = await startServer({
      stream,
      handler: (payload) => {
        if (payload.orderId === 'ends-the-read') return;
        payload.orderId = 'changed';
        throw new Error('no stock');
      },
      idempotent: { key: (payload) => (payload as { orderId: string }).orderId },
      retry: { maxRetries: 0 },
      options: { idempotency: { store: own }, ackWaitMs: 200 },
    });
    started.push(running);
    await addOrders(redis, stream, ['42']);
    await eventually(() => running.told['dead-lettered'][0]);
    expect(asked).toEqual(['42']);
  });

  it('dead-letters nothing while PostgreSQL does not say whether it may', async () => {
    let isAway = true;
    const own = new PostgresIdempotencyStore(pool);
    const asked: string[] = [];
    const giveUp = own.giveUp.bind(own);
    own.giveUp = (generation) => {
      asked.push(generation.entry.id);
      return isAway ? Promise.reject(new Error('away')) : giveUp(generation);
    };
    const { told } = await start(() => Promise.reject(new Error('no stock')), own);
    await addOrders(redis, stream, ['42']);
    await eventually(() => asked[1]);
    expect(await deadLetters(redis, stream)).toEqual([]);
    isAway = false;
    await eventually(() => told['dead-lettered'][0]);
    expect(await effects(stream)).toEqual([]);
  });
});
