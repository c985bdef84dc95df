import type { Redis } from 'ioredis';
import { Pool, type PoolClient } from 'pg';
import { PostgresIdempotencyStore, type IdempotencyClaim } from '../../../src/transport/index.js';
import { openRedis } from '../../support/open-redis.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { rewriteStatements } from '../../support/seeded-bugs/statements.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';

const ENTRY = '1700000000000-0';

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
  });
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
    const putBack = rewriteStatements(/ AND NOT \(excluded\.entry_id = ANY \(kept\.given_up\)\)/, '');
    undo = () => expect(putBack()).toBeGreaterThan(0);
    expect(await paidAfterwards()).toBe(1);
  });
});
