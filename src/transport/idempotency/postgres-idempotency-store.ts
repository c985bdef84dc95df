import { GivenUpError, TransactionControlError } from '../entry/errors.js';
import { checkKnownOptions } from '../entry/known-options.js';
import { keptKey } from './idempotency-key.js';
import type {
  IdempotencyClaim,
  IdempotencyEnd,
  IdempotencyGeneration,
  IdempotencyStore,
} from './idempotency-store.js';
import { Attempt, HandedOutClient } from './postgres-attempt.js';
import { checkMs, KNOWN, MOST_MS, type PostgresIdempotencyOptions } from './postgres-idempotency-options.js';
import { cancelSilent, LOOK_MS, UnawaitedStatementError } from './postgres-silence.js';
import { inboxSql, type InboxSql } from './postgres-sql.js';
import {
  surviveIdleBreaks,
  type PostgresClient,
  type PostgresPool,
  codeOf,
  unavailable,
  TookTooLongError,
  unlessAborted,
  within,
} from './postgres-link.js';

/** After this many keys of this process expired ones are deleted, more at a time than were added since. */
const KEYS_PER_CLEANING = 500;
const CLEANING_LIMIT = 1_000;
const CLEANING_MS = 5_000;
/** Pause before a duplicate looks again, in milliseconds; it has waited for the lock before. */
const RETRY_MS = 500;
/** Pauses while PostgreSQL is unavailable, in milliseconds. */
const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;
/** How much longer than its handler may take a connection may be idle within its transaction, in milliseconds. */
const SPARE_MS = 5_000;
/** Longest that making the table may take, which may wait for running handlers, in milliseconds. */
const TABLE_LIMIT_MS = 60_000;
/** Longest that giving up may wait for a transaction that handles the key, and for PostgreSQL, in milliseconds. */
const GIVE_UP_LOCK_MS = 2_000;
const GIVE_UP_LIMIT_MS = 5_000;
/**
 * lock_not_available, and what PostgreSQL says of it where transactions are serializable
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const IN_USE: ReadonlySet<string> = new Set(['55P03', '40001', '40P01']);

/** What a row says of a key and an entry. */
interface Standing {
  readonly is_done: boolean;
  readonly is_given_up: boolean;
}

/**
 * Keeps keys in a table of PostgreSQL, in the transaction that the handler writes with (the inbox pattern): both are
 * committed or neither is, so what a handler does through `context.getTransaction()` is done exactly once.
 *
 * The handler must not end the transaction: that is refused, or found out, see {@link TransactionControlError}. While it
 * runs it has one connection of the pool; when its time is up, or its entry is lost, that connection is ended, and
 * PostgreSQL undoes what was done. While PostgreSQL is unavailable, or when it is not known whether it committed, the
 * entry is put off without a delivery being charged. An entry that is given up has no effect afterwards.
 *
 * @example
 * ```ts
 * const store = new PostgresIdempotencyStore(new Pool({ connectionString, max: 128 }));
 * await store.ensureTable();
 * const server = new RedisStreamsServer({ connection, group: 'order-group', idempotency: { store } });
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
    surviveIdleBreaks(pool);
    this.lockWaitMs = checkMs('lockWaitMs', lockWaitMs);
    this.startTimeoutMs = checkMs('startTimeoutMs', startTimeoutMs);
  }

  /**
   * Makes the table, or brings that of an earlier version up to date, unless nothing is to do. For migrations of your
   * own there is `inboxTableSql()`. Rejects when PostgreSQL is unavailable, or takes longer than a minute.
   */
  async ensureTable(): Promise<void> {
    const attempt = new Attempt(await this.connect());
    try {
      await attempt.askFor(TABLE_LIMIT_MS, 'Making the table', this.sql.create);
    } finally {
      attempt.release();
    }
  }

  /** Handles an entry in a transaction that also marks its key; the transport calls it. */
  async run(claim: IdempotencyClaim, work: (transaction: unknown) => Promise<void>): Promise<IdempotencyEnd> {
    let client: PostgresClient;
    try {
      client = await this.connect();
    } catch (error) {
      return this.putOff(error);
    }
    const attempt = new Attempt(client);
    try {
      const key = await within(
        this.startTimeoutMs,
        'Asking for the key',
        this.claimKey(client, claim, attempt),
      );
      this.awaySince = undefined;
      if (key !== 'ours') {
        await attempt.undo(undefined);
        return this.passOver(key, claim);
      }
      attempt.step = 'work';
      await this.handle(client, claim, work);
      await attempt.takeBack();
      attempt.step = 'commit';
      await attempt.commit(this.sql.finish, [...namesOf(claim), claim.windowMs]);
      return { outcome: 'done' };
    } catch (error) {
      if (error instanceof GivenUpError) throw error;
      // The connection of whatever goes on is ended, and what it still does there is undone: of a handler, and of the
      // asking for the key, which after a rollback would write the key for good, and nobody would handle the event.
      const goesOn = claim.signal.aborted || error instanceof TookTooLongError;
      const failure = goesOn ? error : await attempt.undo(error, [this.sql.giveUp, givenUpFor(claim)]);
      if (attempt.step === 'work' && (claim.signal.aborted || (await this.isAtStatement(client, attempt)))) {
        throw failure instanceof TookTooLongError ? new UnawaitedStatementError(failure) : failure;
      }
      if (attempt.saysNothingOfTheEvent(failure)) return this.putOff(failure);
      throw failure;
    } finally {
      this.releaseAfter(attempt, attempt.isCommitted);
    }
  }

  /** Marks an entry so that it has no effect any more, or says that its key was done; the transport calls it. */
  async giveUp(generation: IdempotencyGeneration): Promise<'given-up' | 'done'> {
    let isNoted = false;
    const names = namesOf(generation);
    const attempt = new Attempt(await this.connect());
    const ask = (sql: string, values?: unknown[]) =>
      attempt.askFor(GIVE_UP_LIMIT_MS, 'Giving an entry up', sql, values);
    try {
      await ask(
        `BEGIN; SET LOCAL lock_timeout = ${GIVE_UP_LOCK_MS}; ` +
          `SET LOCAL idle_in_transaction_session_timeout = ${GIVE_UP_LIMIT_MS}`,
      );
      await ask(this.sql.giveUp, givenUpFor(generation));
      const [standing] = (await ask(this.sql.standing, names)).rows as Standing[];
      await ask('COMMIT');
      isNoted = true;
      return standing?.is_done === true ? 'done' : 'given-up';
    } catch (error) {
      if (!IN_USE.has(codeOf(error))) throw unavailable(error);
      throw new Error(`The key of entry ${generation.entry.id} is being handled: it cannot be given up yet`, {
        cause: error,
      });
    } finally {
      this.releaseAfter(attempt, isNoted);
    }
  }

  /** Whether a silent connection is at a statement of the handler's, which has its own time; it is cancelled. */
  private async isAtStatement(client: PostgresClient, attempt: Attempt): Promise<boolean> {
    if (!attempt.isSilent) return false;
    // Its place in the pool may be the only one.
    attempt.release();
    return cancelSilent(client, () => this.connect(LOOK_MS));
  }

  /** Calls the handler with a transaction that it cannot end. */
  private async handle(
    client: PostgresClient,
    { entry, signal }: IdempotencyClaim,
    work: (transaction: unknown) => Promise<void>,
  ): Promise<void> {
    const handedOut = new HandedOutClient(client, entry.id);
    try {
      await unlessAborted(signal, work(handedOut.client));
    } catch (error) {
      const { refused } = handedOut;
      if (refused && refused !== error && !signal.aborted) {
        throw new TransactionControlError(refused.statement, { cause: error });
      }
      throw error;
    } finally {
      handedOut.end();
    }
    signal.throwIfAborted();
    if (handedOut.refused) throw handedOut.refused;
  }

  private passOver(key: 'done' | 'given-up' | 'locked', { entry }: IdempotencyClaim): IdempotencyEnd {
    if (key === 'given-up') throw new GivenUpError(entry.id);
    return key === 'done' ? { outcome: 'duplicate' } : { outcome: 'busy', retryInMs: RETRY_MS };
  }

  /** Begins the transaction and writes the key into it, as one that is not done yet. */
  private async claimKey(
    client: PostgresClient,
    claim: IdempotencyClaim,
    attempt: Attempt,
  ): Promise<'ours' | 'done' | 'given-up' | 'locked'> {
    // When this machine falls silent its entry is given to another one long before PostgreSQL notices by itself.
    const { handlerTimeoutMs } = claim;
    const idleMs = handlerTimeoutMs === 0 ? 0 : Math.min(handlerTimeoutMs + SPARE_MS, MOST_MS);
    await client.query(
      `BEGIN; SET LOCAL lock_timeout = ${this.lockWaitMs}; ` +
        `SET LOCAL idle_in_transaction_session_timeout = ${idleMs}`,
    );
    const names = namesOf(claim);
    try {
      const { rowCount } = await client.query(this.sql.claim, names);
      if (rowCount === 0) {
        const [standing] = (await client.query(this.sql.standing, names)).rows as Standing[];
        // In between its window may have ended, or the row been removed: the next delivery sees.
        if (!standing || (!standing.is_done && !standing.is_given_up)) return 'locked';
        return standing.is_done ? 'done' : 'given-up';
      }
    } catch (error) {
      if (IN_USE.has(codeOf(error))) return 'locked';
      throw error;
    }
    await attempt.handOut();
    return 'ours';
  }

  private async connect(limitMs = this.startTimeoutMs): Promise<PostgresClient> {
    const connecting = this.pool.connect();
    try {
      return await within(limitMs, 'Waiting for a connection to PostgreSQL', connecting);
    } catch (error) {
      connecting.then(
        (client) => client.release(),
        () => undefined,
      );
      throw error;
    }
  }

  private releaseAfter(attempt: Attempt, isNoted: boolean): void {
    if (isNoted) this.keys += 1;
    if (isNoted && this.keys % KEYS_PER_CLEANING === 0) void this.cleanAndRelease(attempt);
    else attempt.release();
  }

  /** Deletes keys whose window is over; the event is done already, and what fails is done by the next one. */
  private async cleanAndRelease(attempt: Attempt): Promise<void> {
    try {
      let removed: number | null;
      do {
        ({ rowCount: removed } = await attempt.askFor(CLEANING_MS, 'Cleaning', this.sql.clean, [
          CLEANING_LIMIT,
        ]));
      } while (removed === CLEANING_LIMIT);
    } catch {
      // The connection is ended.
    } finally {
      attempt.release();
    }
  }

  /** PostgreSQL is unavailable, or it is not known what it did: the next delivery asks it, about as long again as this lasts. */
  private putOff(error: unknown): IdempotencyEnd {
    const now = performance.now();
    this.awaySince ??= now;
    const retryInMs = Math.min(Math.max(now - this.awaySince, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
    return { outcome: 'busy', retryInMs, cause: unavailable(error) };
  }
}

/** Scope, key and entry, as the statements take them. */
function namesOf({ stream, group, handler, key, entry }: IdempotencyGeneration): [string, string, string] {
  return [[stream, group, handler].map(encodeURIComponent).join('/'), keptKey(key), entry.id];
}

/** Names, and milliseconds for which it is remembered that the entry is given up. */
function givenUpFor(generation: IdempotencyGeneration): unknown[] {
  return [...namesOf(generation), generation.windowMs + generation.handlerTimeoutMs];
}
