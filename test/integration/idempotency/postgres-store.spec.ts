import { setImmediate as turn } from 'node:timers/promises';
import type { Socket } from 'node:net';
import { Pool, type PoolClient } from 'pg';
import { PostgresIdempotencyStore } from '../../../src/transport/idempotency/postgres-idempotency-store.js';
import type { IdempotencyClaim } from '../../../src/transport/idempotency/idempotency-store.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { faultyPool } from '../../support/faulty-pool.js';
import { closedGate } from '../../support/gate.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

const DAY_MS = 86_400_000;

describe('PostgresIdempotencyStore', () => {
  let postgres: TestPostgres;
  let pool: Pool;
  let store: PostgresIdempotencyStore;

  beforeAll(async () => {
    postgres = await startPostgres();
    pool = new Pool({ connectionString: postgres.url, max: 4 });
    pool.on('error', () => undefined);
    store = new PostgresIdempotencyStore(pool);
    await Promise.all(Array.from({ length: 4 }, () => store.ensureTable()));
    await pool.query('CREATE TABLE effects (key text)');
  });
  afterAll(async () => {
    await pool.end();
    await postgres.stop();
  });
  afterEach(async () => {
    // Whatever a handler did, no connection stays taken; what deletes old rows may still have one.
    await eventually(() => (pool.totalCount === pool.idleCount ? true : undefined));
  });

  function claimOf(claim: Partial<IdempotencyClaim> = {}): IdempotencyClaim {
    return {
      ...{ stream: 'orders', group: 'order-group', handler: 'orders', key: uniqueName('order') },
      ...{ entry: { id: '1-0', deliveryCount: 1 }, windowMs: DAY_MS, handlerTimeoutMs: 60_000 },
      signal: new AbortController().signal,
      ...claim,
    };
  }

  const putOff = (message: string): unknown => ({
    outcome: 'busy',
    retryInMs: expect.any(Number) as number,
    cause: expect.objectContaining({ message: expect.stringContaining(message) as string }) as Error,
  });

  const effectOf =
    (key: string) =>
    async (client: unknown): Promise<void> => {
      await (client as PoolClient).query('INSERT INTO effects VALUES ($1)', [key]);
    };

  async function effects(key: string): Promise<number> {
    const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM effects WHERE key = $1', [
      key,
    ]);
    return Number(rows[0]?.count);
  }

  const backends = async (where: string): Promise<number> => {
    const sql = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND ${where}`;
    return Number((await pool.query<{ count: string }>(sql)).rows[0]?.count);
  };

  it('lets the first have its effect and tells every other one', async () => {
    const claim = claimOf();
    expect(await store.run(claim, effectOf(claim.key))).toEqual({ outcome: 'done' });
    const again = { ...claim, entry: { id: '2-0', deliveryCount: 1 } };
    expect(await store.run(again, effectOf(claim.key))).toEqual({ outcome: 'duplicate' });
    expect(await effects(claim.key)).toBe(1);
  });

  it.each(['stream', 'group', 'handler'] as const)('keeps the keys of each %s apart', async (part) => {
    const claim = claimOf();
    await store.run(claim, effectOf(claim.key));
    const other = await store.run({ ...claim, [part]: 'another' }, effectOf(claim.key));
    expect(other).toEqual({ outcome: 'done' });
  });

  it('undoes marker and effect together when the handler fails', async () => {
    const claim = claimOf();
    const failing = store.run(claim, async (client) => {
      await effectOf(claim.key)(client);
      throw new Error('fails');
    });
    await expect(failing).rejects.toThrow('fails');
    expect(await effects(claim.key)).toBe(0);
    expect(await store.run(claim, effectOf(claim.key))).toEqual({ outcome: 'done' });
  });

  it('puts a duplicate off while the first is at work', async () => {
    const claim = claimOf();
    const gate = closedGate();
    const first = store.run(claim, async (client) => {
      await effectOf(claim.key)(client);
      await gate.pass();
    });
    await gate.reached;
    const second = await store.run(claim, effectOf(claim.key));
    expect(second).toMatchObject({ outcome: 'busy' });
    gate.open();
    expect(await first).toEqual({ outcome: 'done' });
    expect(await store.run(claim, effectOf(claim.key))).toEqual({ outcome: 'duplicate' });
    expect(await effects(claim.key)).toBe(1);
  });

  it('gives one effect to many that come at once', async () => {
    const claim = claimOf();
    const ends = await Promise.all(Array.from({ length: 12 }, () => store.run(claim, effectOf(claim.key))));
    expect(ends.filter(({ outcome }) => outcome === 'done')).toHaveLength(1);
    expect(await effects(claim.key)).toBe(1);
  });

  it('does not count a transaction that PostgreSQL rolled back as done, although the handler went on', async () => {
    const claim = claimOf();
    const careless = store.run(claim, async (client) => {
      await effectOf(claim.key)(client);
      await (client as PoolClient).query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(careless).rejects.toThrow('rolled the transaction back');
    expect(await effects(claim.key)).toBe(0);
    expect(await store.run(claim, effectOf(claim.key))).toEqual({ outcome: 'done' });
  });

  it('lets the locks of the handler wait as long as they do elsewhere', async () => {
    const claim = claimOf();
    let found: unknown;
    await store.run(claim, async (client) => {
      found = (await (client as PoolClient).query('SHOW lock_timeout')).rows[0];
    });
    expect(found).toEqual({ lock_timeout: '0' });
  });

  it('commits nothing for a handler whose time is up, and gives its connection up', async () => {
    const claim = claimOf();
    const time = new AbortController();
    const gate = closedGate();
    let late: Promise<unknown> = Promise.resolve();
    const overdue = store.run({ ...claim, signal: time.signal }, async (client) => {
      await effectOf(claim.key)(client);
      await gate.pass();
      late = effectOf(claim.key)(client);
      await late;
    });
    await gate.reached;
    time.abort(new Error('its time is up'));
    await expect(overdue).rejects.toThrow('its time is up');
    expect(pool.totalCount - pool.idleCount).toBe(0);
    gate.open();
    await turn();
    await expect(late).rejects.toThrow();
    expect(await effects(claim.key)).toBe(0);
    expect(await eventuallyDone(claim)).toEqual({ outcome: 'done' });
  });

  it('commits nothing when the entry was lost while the handler ended', async () => {
    const claim = claimOf();
    const time = new AbortController();
    const lost = store.run({ ...claim, signal: time.signal }, async (client) => {
      await effectOf(claim.key)(client);
      time.abort(new Error('lost'));
    });
    await expect(lost).rejects.toThrow('lost');
    expect(await effects(claim.key)).toBe(0);
  });

  it('survives a connection that breaks while the handler does something else', async () => {
    const claim = claimOf();
    const broken = store.run(claim, async (client) => {
      const pid = (await (client as PoolClient).query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))
        .rows[0]?.pid;
      await pool.query('SELECT pg_terminate_backend($1)', [pid]);
      await eventually(async () => ((await backends(`pid = ${pid}`)) === 0 ? true : undefined));
    });
    expect(await broken).toEqual(putOff('PostgreSQL cannot be used'));
    expect(await eventuallyDone(claim)).toEqual({ outcome: 'done' });
  });

  it.each(['', 'as an ORM tells it'])(
    'holds nothing against an event whose statement was ended by the server %s',
    async (wrapped) => {
      const claim = claimOf();
      const ended = store.run(claim, async (client) => {
        const terminate = 'SELECT pg_terminate_backend(pg_backend_pid())';
        await (client as PoolClient).query(terminate).catch((cause: unknown) => {
          throw wrapped ? new Error('query failed', { cause }) : cause;
        });
      });
      expect(await ended).toEqual(putOff('PostgreSQL cannot be used'));
      expect(await eventuallyDone(claim)).toEqual({ outcome: 'done' });
    },
  );

  it('holds what the server says of the statements of a handler against the event', async () => {
    const claim = claimOf();
    const refused = store.run(claim, async (client) => {
      await (client as PoolClient).query('SELECT * FROM nowhere');
    });
    await expect(refused).rejects.toThrow('nowhere');
  });

  it('lets the next delivery find out what became of a commit whose answer was lost', async () => {
    const claim = claimOf();
    const lossy = new PostgresIdempotencyStore(
      faultyPool(pool, {
        query: async (client, text, values) => {
          const answer = await client.query(text, values);
          if (text !== 'COMMIT') return answer;
          (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
          throw new Error('Connection terminated unexpectedly');
        },
      }),
    );
    expect(await lossy.run(claim, effectOf(claim.key))).toEqual(putOff('Connection terminated unexpectedly'));
    expect(await store.run(claim, effectOf(claim.key))).toEqual({ outcome: 'duplicate' });
    expect(await effects(claim.key)).toBe(1);
  });

  it('goes by the answer to a commit, whatever time it is meanwhile', async () => {
    const claim = claimOf();
    const time = new AbortController();
    const slow = new PostgresIdempotencyStore(
      faultyPool(pool, {
        query: (client, text, values) => {
          if (text === 'COMMIT') time.abort(new Error('its time is up'));
          return client.query(text, values);
        },
      }),
    );
    const end = await slow.run({ ...claim, signal: time.signal }, effectOf(claim.key));
    expect(end).toEqual({ outcome: 'done' });
    expect(await effects(claim.key)).toBe(1);
  });

  it('holds a commit that PostgreSQL refuses against the event', async () => {
    await pool.query('CREATE TABLE once (key text UNIQUE DEFERRABLE INITIALLY DEFERRED)');
    const refused = store.run(claimOf(), async (client) => {
      await (client as PoolClient).query("INSERT INTO once VALUES ('a'), ('a')");
    });
    await expect(refused).rejects.toThrow('once_key_key');
  });

  it('undoes what a handler did whose connection broke without a word, and holds it against no event', async () => {
    const claim = claimOf();
    const broken = store.run(claim, async (client) => {
      await effectOf(claim.key)(client);
      (client as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
      throw new Error('no answer');
    });
    expect(await broken).toEqual(putOff('no answer'));
    expect(await eventuallyDone(claim)).toEqual({ outcome: 'done' });
    expect(await effects(claim.key)).toBe(1);
  });

  it('does not need a listener of the user for connections that break', async () => {
    const own = new Pool({ connectionString: postgres.url, max: 2 });
    const quiet = new PostgresIdempotencyStore(own);
    const claim = claimOf();
    const idle = await own.connect();
    idle.release();
    const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'quiet'`;
    await own.query("SET application_name = 'quiet'");
    await pool.query(terminate);
    await eventuallyPasses(() => expect(own.totalCount).toBe(0));
    expect(await quiet.run(claim, effectOf(claim.key))).toEqual({ outcome: 'done' });
    await own.end();
  });

  it.each<[string, (text: string) => boolean]>([
    ['while the key is asked for', (text) => text.startsWith('INSERT')],
    ['before the commit', (text) => text.startsWith('UPDATE')],
    ['at the commit', (text) => text === 'COMMIT'],
  ])(
    'gives a connection up on which the server is silent %s, and puts the entry off',
    async (_, isSilent) => {
      const { hostname, port } = new URL(postgres.url);
      const link = await startProxy(hostname, Number(port));
      const own = new Pool({
        connectionString: Object.assign(new URL(postgres.url), { port: String(link.port) }).href,
        max: 2,
      });
      try {
        const silent = faultyPool(own, {
          query: (client, text, values) => {
            if (isSilent(text)) link.blackhole();
            return client.query(text, values);
          },
        });
        const claim = claimOf();
        const impatient = new PostgresIdempotencyStore(silent, { startTimeoutMs: 1_000 });
        expect(await impatient.run(claim, effectOf(claim.key))).toEqual(putOff('took longer than'));
        expect(own.totalCount).toBe(0);
        // Those that the server still has are those of a machine that fell silent: the link closes them here.
        await link.stop();
        expect(await eventuallyDone(claim)).toEqual({ outcome: 'done' });
        expect(await effects(claim.key)).toBe(1);
      } finally {
        await own.end();
        await link.stop();
      }
    },
    60_000,
  );

  it('brings a table of an earlier version up to date, and knows its keys', async () => {
    await pool.query(`CREATE TABLE old_inbox (
      scope text NOT NULL, key text NOT NULL, entry_id text NOT NULL, done_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL, PRIMARY KEY (scope, key))`);
    const own = new PostgresIdempotencyStore(pool, { table: 'old_inbox' });
    const claim = claimOf();
    // Without its columns nothing can be said of a key: the entry waits, and is not dead-lettered for it.
    expect(await own.run(claim, effectOf(claim.key))).toEqual(putOff('given_up'));
    await pool.query(`INSERT INTO old_inbox VALUES ($1, $2, '1-0', now(), now() + interval '1 day')`, [
      'orders/order-group/orders',
      `=${claim.key}`,
    ]);
    await Promise.all([own.ensureTable(), own.ensureTable()]);
    await own.ensureTable();
    expect(await own.run(claim, effectOf(claim.key))).toEqual({ outcome: 'duplicate' });
    const other = claimOf();
    expect(await own.run(other, effectOf(other.key))).toEqual({ outcome: 'done' });
  });

  it('does not wait for handlers when the table is there', async () => {
    const gate = closedGate();
    const running = store.run(claimOf(), () => gate.pass());
    await gate.reached;
    await store.ensureTable();
    gate.open();
    await running;
  });

  it('ends the transaction of a machine that fell silent when its handler can no longer count', async () => {
    const claim = claimOf({ handlerTimeoutMs: 7_000 });
    let found: unknown;
    await store.run(claim, async (client) => {
      found = (await (client as PoolClient).query('SHOW idle_in_transaction_session_timeout')).rows[0];
    });
    expect(found).toEqual({ idle_in_transaction_session_timeout: '12s' });
  });

  it('puts off when a pool has no connection left, and takes none when one comes late', async () => {
    const held = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
    const impatient = new PostgresIdempotencyStore(pool, { startTimeoutMs: 50 });
    const claim = claimOf();
    expect(await impatient.run(claim, effectOf(claim.key))).toEqual(
      putOff('Waiting for a connection to PostgreSQL took longer than 50 ms'),
    );
    for (const client of held) client.release();
    await eventually(() =>
      pool.idleCount === pool.totalCount && pool.waitingCount === 0 ? true : undefined,
    );
  });

  it('leaves no marker behind when the key was asked for too long, as by a server that stalls', async () => {
    const single = new Pool({ connectionString: postgres.url, max: 1 });
    try {
      const stalling = faultyPool(single, {
        query: (client, text, values) =>
          client.query(text.startsWith('BEGIN') ? `SELECT pg_sleep(0.3); ${text}` : text, values),
      });
      const claim = claimOf();
      const impatient = new PostgresIdempotencyStore(stalling, { startTimeoutMs: 100 });
      expect(await impatient.run(claim, effectOf(claim.key))).toEqual(
        putOff('took longer than 100 ms'), // for the connection, or for the key
      );
      const patient = new PostgresIdempotencyStore(single);
      expect(await patient.run(claim, effectOf(claim.key))).toEqual({ outcome: 'done' });
      expect(await effects(claim.key)).toBe(1);
    } finally {
      await single.end();
    }
  });

  it('handles a key anew when its window is over, and deletes what expired', async () => {
    const claim = claimOf({ windowMs: 1, handlerTimeoutMs: 0 });
    await store.run(claim, effectOf(claim.key));
    await eventually(async () => {
      const { outcome } = await store.run(claim, effectOf(claim.key));
      return outcome === 'done' ? true : undefined;
    });
    const own = new PostgresIdempotencyStore(pool, { table: 'small_inbox' });
    await own.ensureTable();
    for (let at = 0; at < 500; at += 4) {
      await Promise.all(
        Array.from({ length: 4 }, () =>
          own.run(claimOf({ windowMs: 1, handlerTimeoutMs: 0 }), () => Promise.resolve()),
        ),
      );
    }
    await eventuallyPasses(async () => {
      const { rows } = await pool.query<{ count: string }>('SELECT count(*) FROM small_inbox');
      expect(Number(rows[0]?.count)).toBeLessThan(50);
    });
  });

  it('lets nothing wait for the deletion of expired keys, or fail with it', async () => {
    const gate = closedGate();
    const cleaning = new PostgresIdempotencyStore(
      faultyPool(pool, {
        query: async (client, text, values) => {
          if (!text.startsWith('DELETE')) return client.query(text, values);
          await gate.pass();
          throw new Error('cannot delete');
        },
      }),
    );
    for (let at = 0; at < 500; at += 4) {
      const ends = await Promise.all(
        Array.from({ length: 4 }, () => cleaning.run(claimOf(), () => Promise.resolve())),
      );
      expect(ends).toEqual(Array.from({ length: 4 }, () => ({ outcome: 'done' })));
    }
    await gate.reached;
    // It goes on, while all are told.
    expect(pool.totalCount - pool.idleCount).toBe(1);
    gate.open();
    await eventuallyPasses(() => expect(pool.totalCount - pool.idleCount).toBe(0));
  });

  it('goes on after PostgreSQL was killed', async () => {
    const claim = claimOf();
    await postgres.kill();
    expect(await store.run(claim, effectOf(claim.key))).toEqual(putOff('PostgreSQL cannot be used'));
    await postgres.restart();
    expect(await eventuallyDone(claim)).toEqual({ outcome: 'done' });
    expect(await effects(claim.key)).toBe(1);
  });

  /** PostgreSQL notices after a moment that a connection is gone. */
  function eventuallyDone(claim: IdempotencyClaim): Promise<unknown> {
    return eventually(async () => {
      const end = await store.run(claim, effectOf(claim.key));
      return end.outcome === 'busy' ? undefined : end;
    });
  }
});

describe('The options of PostgresIdempotencyStore', () => {
  const pool = new Pool({ max: 1 });

  it.each([
    ['table', { table: 'orders; DROP TABLE orders' }],
    ['table', { table: '' }],
    ['lockWaitMs', { lockWaitMs: 0 }],
    ['startTimeoutMs', { startTimeoutMs: 1.5 }],
  ])('refuses %s %p', (option, options) => {
    expect(() => new PostgresIdempotencyStore(pool, options)).toThrow(`Option "${option}"`);
  });
});
