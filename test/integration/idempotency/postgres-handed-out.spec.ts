import type { Redis } from 'ioredis';
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool, type PoolClient } from 'pg';
import {
  GivenUpError,
  NonRetryableError,
  PostgresIdempotencyStore,
  TransactionControlError,
  type IdempotencyClaim,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

describe('A transaction that is handed out', () => {
  let postgres: TestPostgres;
  let pool: Pool;
  let store: PostgresIdempotencyStore;
  let claim: IdempotencyClaim;

  beforeAll(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 4 });
    store = new PostgresIdempotencyStore(pool);
    await store.ensureTable();
    await pool.query('CREATE TABLE effects (key text, part text); CREATE SCHEMA tenant');
    await pool.query('CREATE ROLE tenant');
  });
  afterAll(async () => {
    await pool.query('DROP ROLE tenant');
    await pool.end();
    await postgres.stop();
  });
  beforeEach(() => {
    claim = {
      ...{ stream: 'orders', group: 'order-group', handler: 'orders', key: uniqueName('order') },
      ...{ entry: { id: '1-0', deliveryCount: 1 }, windowMs: 60_000, handlerTimeoutMs: 60_000 },
      signal: new AbortController().signal,
    };
  });
  afterEach(() => {
    expect(pool.totalCount - pool.idleCount).toBe(0);
  });

  const pay = (client: PoolClient, part: string) =>
    client.query('INSERT INTO effects VALUES ($1, $2)', [claim.key, part]);
  async function parts(): Promise<string[]> {
    const sql = 'SELECT part FROM effects WHERE key = $1 ORDER BY part';
    const { rows } = await pool.query<{ part: string }>(sql, [claim.key]);
    return rows.map(({ part }) => part);
  }
  const run = (work: (client: PoolClient) => Promise<unknown>) =>
    store.run(claim, async (client) => {
      await work(client as PoolClient);
    });
  /** Sends a statement past whatever looks at statements. */
  const smuggle = (client: PoolClient, text: string): Promise<unknown> =>
    Reflect.apply(Reflect.get(Client.prototype, 'query') as () => Promise<unknown>, client, [
      text,
    ]) as Promise<unknown>;
  async function isFree(): Promise<void> {
    claim = { ...claim, entry: { id: '2-0', deliveryCount: 1 } };
    expect(await run((client) => pay(client, 'again'))).toEqual({ outcome: 'done' });
  }

  it.each([
    'COMMIT',
    'ROLLBACK',
    'END',
    'ABORT',
    'COMMIT AND CHAIN',
    "PREPARE TRANSACTION 'a'",
    'BEGIN',
    "INSERT INTO effects VALUES ('x', 'x'); commit",
  ])('refuses %s before it is sent: nothing is committed, and the key is free', async (statement) => {
    const careless = run(async (client) => {
      await pay(client, 'a');
      await client.query(statement).catch(() => undefined);
      await pay(client, 'b');
    });
    await expect(careless).rejects.toThrow(TransactionControlError);
    expect(await parts()).toEqual([]);
    await isFree();
  });

  it('refuses it in every form of a query, and says which word it was', async () => {
    const named = run((client) => client.query({ text: 'commit' }));
    await expect(named).rejects.toThrow('The handler sent COMMIT on the transaction');
    const called = run(
      (client) =>
        new Promise<void>((resolve, reject) => {
          client.query('commit', (error: Error | null) => (error ? reject(error) : resolve()));
        }),
    );
    await expect(called).rejects.toThrow(TransactionControlError);
  });

  it('does not let its client be given back, or its connection be ended', async () => {
    const givenBack = run((client) =>
      Promise.resolve().then(() => {
        client.release();
      }),
    );
    await expect(givenBack).rejects.toThrow('release()');
    await expect(run((client) => (client as unknown as { end(): Promise<void> }).end())).rejects.toThrow(
      TransactionControlError,
    );
    await isFree();
  });

  it('is not hidden by the error that a library makes of it', async () => {
    const wrapped = run((client) =>
      client.query('begin').catch((cause: unknown) => {
        throw new Error('Failed query: begin', { cause });
      }),
    );
    const failure: unknown = await wrapped.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NonRetryableError);
    expect(failure).toMatchObject({ cause: { message: 'Failed query: begin' } });
  });

  it('refuses the transaction of a query builder, and lets it write', async () => {
    const over = (client: PoolClient) =>
      new Kysely<{ effects: { key: string; part: string } }>({
        dialect: new PostgresDialect({
          pool: {
            connect: () =>
              Promise.resolve(
                Object.assign(Object.create(client) as PoolClient, { release: () => undefined }),
              ),
            end: () => Promise.resolve(),
          },
        }),
      });
    const values = { key: claim.key, part: 'a' };
    const begun = run((client) =>
      over(client)
        .transaction()
        .execute((trx) => trx.insertInto('effects').values(values).execute()),
    );
    await expect(begun).rejects.toThrow(TransactionControlError);
    expect(await parts()).toEqual([]);
    expect(await run((client) => over(client).insertInto('effects').values(values).execute())).toEqual({
      outcome: 'done',
    });
  });

  it('lets a handler have savepoints of its own', async () => {
    const end = await run(async (client) => {
      await pay(client, 'a');
      await client.query('SAVEPOINT part');
      await pay(client, 'b');
      await client.query('ROLLBACK TO SAVEPOINT part');
      await client.query('RELEASE SAVEPOINT part');
    });
    expect(end).toEqual({ outcome: 'done' });
    expect(await parts()).toEqual(['a']);
  });

  it.each([
    ['COMMIT', ['a', 'b']],
    ['COMMIT AND CHAIN', ['a']],
    ['COMMIT; BEGIN', ['a']],
    ['ROLLBACK', ['b']],
    ['ROLLBACK; BEGIN', []],
  ])('is found to be over after %s went by, also where the handler ended well', async (text, left) => {
    const half = run(async (client) => {
      await pay(client, 'a');
      await smuggle(client, text);
      await pay(client, 'b');
    });
    await expect(half).rejects.toThrow('What it had committed stays');
    await expect(half).rejects.toThrow(TransactionControlError);
    expect(await parts()).toEqual(left);
    // Its key is not done.
    await isFree();
  });

  it.each(['COMMIT', 'COMMIT; BEGIN; SELECT 1 / 0'])(
    'is found to be over after %s, also where the handler failed then',
    async (text) => {
      const half = run(async (client) => {
        await pay(client, 'a');
        await smuggle(client, text).catch(() => undefined);
        throw new Error('no stock');
      });
      const failure: unknown = await half.catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(TransactionControlError);
      expect(failure).toMatchObject({ statement: undefined, cause: { message: 'no stock' } });
      await isFree();
    },
  );

  it.each([
    'SET LOCAL search_path TO tenant',
    'SET LOCAL ROLE tenant',
    "SELECT set_config('role', 'tenant', true)",
  ])('has its key noted, and its effect made, whatever it is under after %s', async (statement) => {
    const end = await run(async (client) => {
      await pay(client, 'a');
      await client.query(statement);
    });
    expect(end).toEqual({ outcome: 'done' });
    expect(await parts()).toEqual(['a']);
    expect(await run((client) => pay(client, 'b'))).toEqual({ outcome: 'duplicate' });
  });

  it('is not begun a second time on a connection that its handler made unusable', async () => {
    const own = new Pool({ connectionString: postgres.url, max: 1 });
    try {
      const only = new PostgresIdempotencyStore(own);
      await only.run(claim, async (client) => {
        await (client as PoolClient).query('SET default_transaction_read_only TO on');
      });
      const next = (id: string) =>
        only.run({ ...claim, key: id, entry: { id, deliveryCount: 1 } }, () => Promise.resolve());
      expect(await next('2-0')).toMatchObject({ outcome: 'busy' });
      expect(await next('2-0')).toEqual({ outcome: 'done' });
    } finally {
      await own.end();
    }
  });

  it('lets its client be looked at as any object', async () => {
    expect(await run((client) => Promise.resolve(`a ${client as unknown as string}`))).toEqual({
      outcome: 'done',
    });
  });

  it('is not handled again when its handler ended it, also before anybody could give it up', async () => {
    const half = run((client) => smuggle(client, 'COMMIT'));
    await expect(half).rejects.toThrow(TransactionControlError);
    await expect(run((client) => pay(client, 'a'))).rejects.toThrow(GivenUpError);
    expect(await parts()).toEqual([]);
    await isFree();
  });

  const sleeping =
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";

  it('holds a statement that nobody waits for against its handler, and cancels it', async () => {
    const careless = run(async (client) => {
      await pay(client, 'a');
      client.query('SELECT pg_sleep(600)').catch(() => undefined);
    });
    await expect(careless).rejects.toThrow('await each query');
    await eventuallyPasses(async () => expect((await pool.query(sleeping)).rows).toEqual([]));
    expect(await parts()).toEqual([]);
    await isFree();
  });

  it('holds the time limit of one statement against its handler', async () => {
    const own = new Pool({ connectionString: postgres.url, max: 1, query_timeout: 1_000 });
    try {
      const slow = new PostgresIdempotencyStore(own).run(claim, async (client) => {
        await (client as PoolClient).query('SELECT pg_sleep(600)');
      });
      await expect(slow).rejects.toThrow('Query read timeout');
      await eventuallyPasses(async () => expect((await pool.query(sleeping)).rows).toEqual([]));
    } finally {
      await own.end();
    }
    await isFree();
  });

  it('takes nothing from a handler that has ended', async () => {
    let kept: PoolClient | undefined;
    await run((client) => {
      kept = client;
      return Promise.resolve();
    });
    await expect(kept?.query('SELECT 1')).rejects.toThrow('is over');
  });

  describe('by a server', () => {
    let redis: Redis;
    beforeEach(() => {
      redis = openRedis(sharedRedisUrl());
    });
    afterEach(() => redis.disconnect());

    it('has its entry dead-lettered at once, not acknowledged, and its key left to the next', async () => {
      const stream = uniqueName('orders');
      let smuggles = true;
      const server = await startServer({
        stream,
        handler: async (payload, context) => {
          if (payload.orderId === 'ends-the-read') return;
          const client = context.getTransaction<PoolClient>();
          await pay(client, 'a');
          if (smuggles) await smuggle(client, 'COMMIT');
        },
        idempotent: { key: (payload) => (payload as { orderId: string }).orderId },
        options: { idempotency: { store } },
      });
      const [entryId] = await addOrders(redis, stream, ['42']);
      await eventually(() => server.told['dead-lettered'][0]);
      expect(server.told['dead-lettered']).toMatchObject([
        { entryId, deliveryCount: 1, reason: 'not-retryable' },
      ]);
      expect(server.told.processed).toEqual([]);
      expect(await deadLetters(redis, stream)).toHaveLength(1);
      smuggles = false;
      const [next] = await addOrders(redis, stream, ['42']);
      await eventually(() => server.told.processed[0]);
      expect(server.told.processed).toMatchObject([{ entryId: next }]);
      expect(await parts()).toEqual(['a', 'a']);
      await server.close();
    });
  });
});
