import { InvalidOptionError } from '../protocol/errors/invalid-option.error.js';
import { checkKnownOptions } from '../protocol/known-options.js';
import { keptKey } from './idempotency-key.js';
import type { IdempotencyClaim, IdempotencyEnd, IdempotencyStore } from './idempotency-store.js';
import { inboxSql, type InboxSql } from './postgres-inbox-sql.js';
import { Attempt } from './postgres-attempt.js';
import type { PostgresClient, PostgresPool } from './postgres-pool.js';
import { unavailable } from './postgres-trouble.js';
import { TookTooLongError, unlessAborted, within } from './within.js';

/** After so many keys of this process expired ones are deleted, more at a time than were added since. */
const KEYS_PER_CLEANING = 500;
const CLEANING_LIMIT = 1_000;
/** Pause before a duplicate looks again, in milliseconds; it has waited for the lock before. */
const RETRY_MS = 500;
/** Pauses while PostgreSQL is away, in milliseconds. */
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;
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
   * Milliseconds within which a connection must be had and the key be asked for, else the entry is put off.
   *
   * @defaultValue 10000
   */
  startTimeoutMs?: number;
}

const KNOWN: Readonly<Record<keyof PostgresIdempotencyOptions, true>> = {
  table: true,
  lockWaitMs: true,
  startTimeoutMs: true,
};

/**
 * Keeps keys in a table of PostgreSQL, in the transaction that the handler writes with (the inbox pattern): both are
 * committed or neither is, so what a handler does through `context.getTransaction()` is done exactly once.
 *
 * The handler must not end the transaction by itself. While it runs it has one connection of the pool; when its time is
 * up, or its entry is lost, that connection is ended, and PostgreSQL undoes what was done. While PostgreSQL is away, or
 * when it is not known whether it committed, the entry is put off without a delivery being charged.
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
  /** Since when PostgreSQL cannot be used, on the clock of `performance.now()`. */
  private awaySince: number | undefined;

  /**
   * @param pool - a pool of `pg`; with fewer connections than `maxInFlight` handlers wait for one
   * @throws InvalidOptionError when an option cannot work
   */
  constructor(
    private readonly pool: PostgresPool,
    options: PostgresIdempotencyOptions = {},
  ) {
    checkKnownOptions(options, KNOWN);
    const { table, lockWaitMs = 100, startTimeoutMs = 10_000 } = options;
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
    let client: PostgresClient;
    try {
      client = await this.connect();
    } catch (error) {
      return this.putOff(error);
    }
    const attempt = new Attempt(client);
    try {
      const key = await within(this.startTimeoutMs, 'Asking for the key', this.claimKey(client, claim));
      this.awaySince = undefined;
      if (key !== 'ours') {
        await attempt.rollBack();
        return key === 'done' ? { outcome: 'duplicate' } : { outcome: 'busy', retryInMs: RETRY_MS };
      }
      attempt.step = 'work';
      await unlessAborted(claim.signal, work(client));
      claim.signal.throwIfAborted();
      attempt.step = 'commit';
      await attempt.commit();
      return { outcome: 'done' };
    } catch (error) {
      // The connection of whatever goes on is ended, and what it still does there is undone: of a handler, and of the
      // asking for the key, which after a rollback would write the key for good, and nobody would handle the event.
      const goesOn = claim.signal.aborted || error instanceof TookTooLongError;
      if (!goesOn) await attempt.rollBack();
      if (attempt.saysNothingOfTheEvent(error)) return this.putOff(error);
      throw error;
    } finally {
      if (attempt.isCommitted) this.keys += 1;
      if (attempt.isCommitted && this.keys % KEYS_PER_CLEANING === 0) void this.cleanAndRelease(attempt);
      else attempt.release();
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

  /** Deletes keys whose window is over; the event is done already, and what fails is done by the next one. */
  private async cleanAndRelease(attempt: Attempt): Promise<void> {
    await attempt.ask('Cleaning', this.sql.clean, [CLEANING_LIMIT]);
    attempt.release();
  }

  /** PostgreSQL is away, or it is not known what it did: the next delivery asks it, about as long again as this lasts. */
  private putOff(error: unknown): IdempotencyEnd {
    const now = performance.now();
    this.awaySince ??= now;
    const retryInMs = Math.min(Math.max(now - this.awaySince, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
    return { outcome: 'busy', retryInMs, cause: unavailable(error) };
  }
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
