import type { Redis } from 'ioredis';
import { Client, Pool, type PoolClient } from 'pg';
import { Attempt } from '../../../src/transport/idempotency/postgres-attempt.js';
import { HandedOutClient } from '../../../src/transport/idempotency/postgres-handed-out.js';
import { PostgresIdempotencyStore, type IdempotencyClaim } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { addOrders } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { replaced } from '../../support/seeded-bugs/replaced.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const ENTRY = '1700000000000-0';

/** Sends each statement without what fences it. @returns what takes the bug out again */
function withoutFence(fence: RegExp, instead: string): () => void {
  const proper = Reflect.get(Client.prototype, 'query') as (...args: unknown[]) => unknown;
  let changed = 0;
  const bare = (text: unknown): unknown => {
    if (typeof text !== 'string' || !fence.test(text)) return text;
    changed += 1;
    return text.replace(fence, instead);
  };
  const putBack = replaced(Client.prototype, 'query', function (this: Client, ...args: unknown[]): unknown {
    const [statement, ...rest] = args;
    return Reflect.apply(proper, this, [bare(statement), ...rest]);
  });
  return () => {
    putBack();
    expect(changed).toBeGreaterThan(0);
  };
}

/** Neither what is sent is looked at, nor whether the transaction is the one that was handed out. */
function withoutGuard(): () => void {
  const ours = [
    replaced(HandedOutClient.prototype, 'problemOf', () => undefined),
    replaced(Attempt.prototype, 'handOut', () => Promise.resolve()),
    replaced(Attempt.prototype, 'takeBack', () => Promise.resolve()),
  ];
  return () => ours.forEach((putBack) => putBack());
}

describe('The account of what PostgreSQL has catches the seeded bug', () => {
  let postgres: TestPostgres;
  let pool: Pool;
  let store: PostgresIdempotencyStore;
  let redis: Redis;
  let undo: () => void;

  beforeAll(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 4 });
    store = new PostgresIdempotencyStore(pool);
    await store.ensureTable();
    await pool.query('CREATE TABLE effects (key text)');
    redis = openRedis(sharedRedisUrl());
  }, 120_000);
  beforeEach(() => {
    undo = () => undefined;
  });
  afterEach(() => undo());
  afterAll(async () => {
    redis.disconnect();
    await pool.end();
    await postgres.stop();
  });

  const pay = (client: PoolClient, key: string) => client.query('INSERT INTO effects VALUES ($1)', [key]);
  async function timesPaid(key: string): Promise<number> {
    return (await pool.query('SELECT key FROM effects WHERE key = $1', [key])).rows.length;
  }

  it('unfenced late effect of an entry that was given up', async () => {
    /** @returns how often it was paid for an entry that is to be dead-lettered */
    async function paidAfterwards(): Promise<number> {
      const key = uniqueName('order');
      const claim: IdempotencyClaim = {
        ...{ stream: 'orders', group: 'order-group', handler: 'orders', key },
        ...{ entry: { id: ENTRY, deliveryCount: 1 }, windowMs: 60_000, handlerTimeoutMs: 60_000 },
        signal: new AbortController().signal,
      };
      expect(await store.giveUp(claim)).toBe('given-up');
      await store
        .run(claim, async (client) => void (await pay(client as PoolClient, key)))
        .catch(() => undefined);
      return timesPaid(key);
    }
    expect(await paidAfterwards()).toBe(0);
    undo = withoutFence(/ AND NOT \(excluded\.entry_id = ANY \(kept\.given_up\)\)/, '');
    expect(await paidAfterwards()).toBe(1);
  });

  it('COMMIT inside the transaction that was handed out', async () => {
    /** A handler that commits for itself, and fails after that once. @returns how often it was paid in the end */
    async function paid(): Promise<number> {
      const stream = uniqueName('orders');
      const server = await startServer({
        stream,
        handler: async (payload, context) => {
          if (payload.orderId !== '42') return;
          const client = context.getTransaction<PoolClient>();
          await pay(client, stream);
          await client.query('COMMIT');
          if (context.getDeliveryCount() === 1) throw new Error('fails once');
        },
        idempotent: { key: (payload) => (payload as { orderId: string }).orderId },
        options: { idempotency: { store } },
      });
      try {
        await addOrders(redis, stream, ['42']);
        await eventually(() => server.told.processed[0] ?? server.told['dead-lettered'][0]);
        return await timesPaid(stream);
      } finally {
        await server.close();
      }
    }
    expect(await paid()).toBe(0);
    undo = withoutGuard();
    expect(await paid()).toBe(2);
  });
});
