import { InvalidOptionError } from '../protocol/errors/invalid-option.error.js';
import { keptKey } from './idempotency-key.js';
import type { IdempotencyClaim, IdempotencyEnd, IdempotencyStore } from './idempotency-store.js';
import { inboxSql, type InboxSql } from './postgres-inbox-sql.js';
import type { PostgresClient, PostgresPool } from './postgres-pool.js';
import { TookTooLongError, unlessAborted, within } from './within.js';

/** After so many keys of this process expired ones are deleted, more at a time than were added since. */
const KEYS_PER_CLEANING = 500;
const CLEANING_LIMIT = 1_000;
/** Pause before a duplicate looks again, in milliseconds; it has waited for the lock before. */
const RETRY_MS = 500;
/** How long a statement of ours may take after the handler's end before the connection is ended, in milliseconds. */
const STATEMENT_LIMIT_MS = 5_000;
/** How much longer than its handler may take a connection may be idle within its transaction, in milliseconds. */
const SPARE_MS = 5_000;
/** Longest time that PostgreSQL takes for a setting, in milliseconds. */
const MOST_MS = 2_147_483_647;
/** lock_not_available (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const LOCK_NOT_AVAILABLE = '55P03';

/** Options of {@link PostgresIdempotencyStore}. */
export interface PostgresIdempotencyOptions {
  /**
   * The table, with a schema before it if it is to be in another than the connection's own.
   *
   * @defaultValue `order_streams_inbox`
   */
  table?: string;
  /**
   * Milliseconds that a duplicate waits for the transaction that handles its key before it is put off. Long waits keep
   * connections and slots taken; short ones put off what a moment later is known to be a duplicate.
   *
   * @defaultValue 100
   */
  lockWaitMs?: number;
  /**
   * Milliseconds within which a connection must be had and the key be asked for, else the delivery counts as failed.
   *
   * @defaultValue 10000
   */
  startTimeoutMs?: number;
}

/**
 * Keeps keys in a table of PostgreSQL, in the transaction that the handler writes with (the inbox pattern): both are
 * committed or neither is, so what a handler does through `context.getTransaction()` is done exactly once.
 *
 * The handler must not end the transaction by itself. While it runs it has one connection of the pool; when its time is
 * up, or its entry is lost, that connection is ended, and PostgreSQL undoes what was done.
 *
 * @example
 * ```ts
 * const store = new PostgresIdempotencyStore(new Pool({ connectionString, max: 128 }));
 * await store.ensureTable();
 * ```
 */
export class PostgresIdempotencyStore implements IdempotencyStore {
  private readonly sql: InboxSql;
  private readonly lockWaitMs: number;
  private readonly startTimeoutMs: number;
  private keys = 0;

  /**
   * @param pool - a pool of `pg`; with fewer connections than `maxInFlight` handlers wait for one
   * @throws InvalidOptionError when an option cannot work
   */
  constructor(
    private readonly pool: PostgresPool,
    { table, lockWaitMs = 100, startTimeoutMs = 10_000 }: PostgresIdempotencyOptions = {},
  ) {
    this.sql = inboxSql(table);
    this.lockWaitMs = checkMs('lockWaitMs', lockWaitMs);
    this.startTimeoutMs = checkMs('startTimeoutMs', startTimeoutMs);
  }

  /** Makes the table unless it is there. For migrations of your own there is `inboxTableSql()`. */
  async ensureTable(): Promise<void> {
    const client = await this.pool.connect();
    try {
      await client.query(this.sql.create);
    } finally {
      client.release();
    }
  }

  async run(claim: IdempotencyClaim, work: (transaction: unknown) => Promise<void>): Promise<IdempotencyEnd> {
    const client = await this.connect();
    // A connection that breaks while the handler does something else would end the process.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    let reusable = false;
    try {
      const key = await within(this.startTimeoutMs, 'Asking for the key', this.claimKey(client, claim));
      if (key !== 'ours') {
        reusable = await rollBack(client);
        return key === 'done' ? { outcome: 'duplicate' } : { outcome: 'busy', retryInMs: RETRY_MS };
      }
      await unlessAborted(claim.signal, work(client));
      await commit(client, claim.signal);
      reusable = await this.cleanNowAndThen(client);
      return { outcome: 'done' };
    } catch (error) {
      // The connection of whatever goes on is ended, and what it still does there is undone: of a handler, and of the
      // asking for the key, which after a rollback would write the key for good, and nobody would handle the event.
      const goesOn = claim.signal.aborted || error instanceof TookTooLongError;
      reusable = !goesOn && (await rollBack(client));
      throw error;
    } finally {
      client.removeListener('error', ignore);
      client.release(!reusable);
    }
  }

  /** Begins the transaction and writes the key into it. */
  private async claimKey(
    client: PostgresClient,
    { stream, group, handler, key, entry, windowMs, handlerTimeoutMs }: IdempotencyClaim,
  ): Promise<'ours' | 'done' | 'locked'> {
    // When this machine falls silent its entry is given to another one long before PostgreSQL notices by itself.
    const idleMs = handlerTimeoutMs === 0 ? 0 : Math.min(handlerTimeoutMs + SPARE_MS, MOST_MS);
    await client.query(
      `BEGIN; SET LOCAL lock_timeout = ${this.lockWaitMs}; ` +
        `SET LOCAL idle_in_transaction_session_timeout = ${idleMs}`,
    );
    const scope = [stream, group, handler].map(encodeURIComponent).join('/');
    // The row is written before the handler runs, and the window begins when it has ended.
    const values = [scope, keptKey(key), entry.id, windowMs + handlerTimeoutMs];
    try {
      const { rowCount } = await client.query(this.sql.claim, values);
      if (rowCount === 0) return 'done';
    } catch (error) {
      if (isLocked(error)) return 'locked';
      throw error;
    }
    await client.query('SET LOCAL lock_timeout TO DEFAULT');
    return 'ours';
  }

  private async connect(): Promise<PostgresClient> {
    const connecting = this.pool.connect();
    try {
      return await within(this.startTimeoutMs, 'Waiting for a connection to PostgreSQL', connecting);
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
      throw error;
    }
  }

  /** Deletes keys whose window is over; what fails is done by the next one. @returns whether the connection is usable */
  private async cleanNowAndThen(client: PostgresClient): Promise<boolean> {
    this.keys += 1;
    if (this.keys % KEYS_PER_CLEANING !== 0) return true;
    return isDone('Cleaning', client.query(this.sql.clean, [CLEANING_LIMIT]));
  }
}

async function commit(client: PostgresClient, signal: AbortSignal): Promise<void> {
  const { command } = await unlessAborted(signal, client.query('COMMIT'));
  // After a failed statement COMMIT rolls back and succeeds, also where the handler went on in spite of the failure.
  if (command !== 'COMMIT') {
    throw new Error('PostgreSQL rolled the transaction back: a statement in it had failed');
  }
}

/** @returns whether the connection can be used again */
function rollBack(client: PostgresClient): Promise<boolean> {
  return isDone('ROLLBACK', client.query('ROLLBACK'));
}

function isDone(what: string, statement: Promise<unknown>): Promise<boolean> {
  return within(STATEMENT_LIMIT_MS, what, statement).then(
    () => true,
    () => false,
  );
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE;
}

function checkMs(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MOST_MS) return value;
  throw new InvalidOptionError(
    option,
    `must be a whole number of milliseconds from 1 to ${MOST_MS}, not ${String(value)}`,
  );
}
