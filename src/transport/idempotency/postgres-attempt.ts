import { DeliveryOverError, TransactionControlError } from '../entry/errors.js';
import {
  type PostgresClient,
  endConnection,
  codeOf,
  isAnswer,
  TookTooLongError,
  within,
} from './postgres-link.js';
import { transactionControlIn } from './postgres-sql.js';
import { randomBytes } from 'node:crypto';

/** Ways of a `pg` client to end its connection, or to give it to others while the transaction is open. */
const NOT_YOURS: Readonly<Record<string, string>> = { release: 'release()', end: 'end()' };

/**
 * The client of a transaction as its handler sees it: as the real one, but what would end the transaction is refused
 * before it is sent, and nothing is sent once the handler has ended.
 */
export class HandedOutClient {
  readonly client: PostgresClient;
  /** The first thing that was refused: the delivery must not succeed, also where the handler caught the error. */
  refused: TransactionControlError | undefined;
  private isOver = false;

  constructor(
    client: PostgresClient,
    private readonly entryId: string,
  ) {
    const query = this.guard((...args) => (client.query as (...all: unknown[]) => unknown)(...args));
    this.client = new Proxy(client, {
      get: (target, name, receiver): unknown => {
        if (name === 'query') return query;
        if (typeof name === 'string' && Object.hasOwn(NOT_YOURS, name))
          return () => this.refuse(NOT_YOURS[name]);
        return Reflect.get(target, name, receiver);
      },
    });
  }

  /** Its handler has ended, or its result no longer counts. */
  end(): void {
    this.isOver = true;
  }

  private guard(query: (...args: unknown[]) => unknown): (...args: unknown[]) => unknown {
    return (...args) => {
      const problem = this.problemOf(args[0]);
      if (!problem) return query(...args);
      const callback = args.find((arg) => typeof arg === 'function') as ((error: Error) => void) | undefined;
      if (callback) {
        process.nextTick(callback, problem);
        return undefined;
      }
      const rejected = Promise.reject(problem);
      // A statement that nobody waits for must not end the process.
      rejected.catch(() => undefined);
      return rejected;
    };
  }

  private problemOf(statement: unknown): Error | undefined {
    if (this.isOver) return new DeliveryOverError(this.entryId);
    const text = typeof statement === 'string' ? statement : (statement as { text?: unknown } | null)?.text;
    const word = typeof text === 'string' ? transactionControlIn(text) : undefined;
    if (word === undefined) return undefined;
    this.refused ??= new TransactionControlError(word);
    return this.refused;
  }

  private refuse(what: string | undefined): void {
    this.refused ??= new TransactionControlError(what);
    throw this.refused;
  }
}

/** How long a statement of ours may take after the handler's end before the connection is ended, in milliseconds. */
const STATEMENT_LIMIT_MS = 5_000;
/** The same for COMMIT, which may have to run deferred checks, and wait for a standby. */
const COMMIT_LIMIT_MS = 10_000;
/** in_failed_sql_transaction (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const FAILED_TRANSACTION = '25P02';
/** A savepoint that is not there, as there is another transaction or none: no_active_sql_transaction. */
const OTHER_TRANSACTION: ReadonlySet<string> = new Set(['3B001', '25P01']);

/** Under which role, and in which schemas, statements of ours find the table of the keys. */
interface Setting {
  readonly path: string;
  readonly role: string;
}

/** PostgreSQL undid the transaction, although the handler ended well. */
class RolledBackError extends Error {
  override readonly name = 'RolledBackError';

  constructor() {
    super('PostgreSQL rolled the transaction back: a statement in it had failed');
  }
}

/** Where the pool has a `query_timeout`, `pg` gives up first. */
function isReadTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** One delivery's transaction on one connection. */
export class Attempt {
  /** What is under way: asking for the key, the handler, or the commit. */
  step: 'claim' | 'work' | 'commit' = 'claim';
  /** Whether key and effect are there for good. */
  isCommitted = false;
  /** Whether its connection did not answer in time, and did not break either. */
  isSilent = false;
  private isReusable = false;
  private isReleased = false;
  private setting: Setting = { path: '', role: '' };
  /** While it is there, the transaction is the one that was begun. Nobody else knows its name. */
  private readonly savepoint = `order_streams_${randomBytes(8).toString('hex')}`;
  /** Whether the transaction was given to a handler, who may have ended it. */
  private isHandedOut = false;

  constructor(private readonly client: PostgresClient) {
    client.on('error', this.noteBreak);
  }

  /** Marks the transaction, before a handler is given it. */
  async handOut(): Promise<void> {
    const answers: unknown = await this.client.query(
      `SET LOCAL lock_timeout TO DEFAULT; ` +
        `SELECT current_setting('search_path') AS path, current_setting('role') AS role; SAVEPOINT ${this.savepoint}`,
    );
    // `pg` answers several statements with a list.
    const [, { rows }] = answers as [unknown, { rows: [Setting] }];
    [this.setting] = rows;
    this.isHandedOut = true;
  }

  /**
   * Takes the transaction back from a handler that ended well.
   *
   * @throws TransactionControlError when the handler ended it
   */
  async takeBack(): Promise<void> {
    await this.listen(within(STATEMENT_LIMIT_MS, 'Ending the transaction', this.removeMark()));
  }

  /** Commits it. The key is noted last: until then nothing that anybody commits makes it done. */
  async commit(finish: string, values: unknown[]): Promise<void> {
    const { path, role } = this.setting;
    // What the handler had set for the transaction is not what the key is noted under.
    const restored = this.client.query(
      `SELECT set_config('role', $2, true), set_config('search_path', $1, true)`,
      [path, role],
    );
    const noted = Promise.all([restored, this.client.query(finish, values)]);
    const [, { rowCount }] = await within(STATEMENT_LIMIT_MS, 'Noting the key', noted);
    if (rowCount !== 1) throw new Error('The row of the idempotency key was removed while its handler ran');
    const { command } = await within(COMMIT_LIMIT_MS, 'COMMIT', this.client.query('COMMIT'));
    // After a failed statement COMMIT rolls back and succeeds.
    if (command !== 'COMMIT') throw new RolledBackError();
    this.isCommitted = true;
    this.isReusable = true;
  }

  /**
   * Undoes what is not committed.
   *
   * @param giveUp - notes that the entry is given up; done where the handler ended the transaction, at once
   * @returns what is to be said of the delivery: the failure, or that its handler ended the transaction before
   */
  async undo(failure: unknown, giveUp?: readonly [sql: string, values: unknown[]]): Promise<unknown> {
    const isOurs = !this.isHandedOut || (await this.isStillOurs());
    await this.ask('ROLLBACK', 'ROLLBACK');
    // A claim that failed may have failed by what a handler had set for the connection.
    if (this.step === 'claim' && failure !== undefined) this.isReusable = false;
    const isRefused = failure instanceof TransactionControlError && failure.statement !== undefined;
    if (isOurs && !(failure instanceof TransactionControlError)) return failure;
    if (!isRefused && giveUp && this.isReusable) await this.ask('Giving an entry up', ...giveUp);
    return failure instanceof TransactionControlError
      ? failure
      : new TransactionControlError(undefined, { cause: failure });
  }

  /** Asks for something whose failure costs no more than the connection. */
  async ask(what: string, sql: string, values?: unknown[]): Promise<void> {
    const asked = this.listen(within(STATEMENT_LIMIT_MS, what, this.client.query(sql, values)));
    this.isReusable = await asked.then(
      () => true,
      () => false,
    );
  }

  /** Asks for something outside a transaction. @throws what it failed with, and the connection is ended then */
  async askFor(
    ms: number,
    what: string,
    sql: string,
    values?: unknown[],
  ): Promise<{ rows: readonly unknown[]; rowCount: number | null }> {
    this.isReusable = false;
    const answer = await within(ms, what, this.client.query(sql, values));
    this.isReusable = true;
    return answer;
  }

  /**
   * Whether a failure is that of PostgreSQL, so that it is not held against the event; asked after the rollback. A
   * claim never says anything of the event. A handler whose connection is gone has nothing committed. Once COMMIT is
   * sent only its answer counts: without one the effect may be there.
   */
  saysNothingOfTheEvent(error: unknown): boolean {
    if (error instanceof TransactionControlError) return false;
    switch (this.step) {
      case 'claim':
        return true;
      case 'work':
        return !this.isReusable;
      case 'commit':
        return !this.isReusable || !(error instanceof RolledBackError || isAnswer(error));
    }
  }

  /** Gives the connection back, or ends it; once. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    if (this.isReusable) {
      this.client.removeListener('error', this.noteBreak);
      this.client.release();
    } else {
      // What breaks while it ends is nobody's concern either: the listener stays.
      endConnection(this.client);
    }
  }

  /** Takes the mark away again. */
  private async removeMark(): Promise<void> {
    try {
      await this.client.query(`RELEASE SAVEPOINT ${this.savepoint}`);
    } catch (error) {
      if (codeOf(error) === FAILED_TRANSACTION && (await this.isStillOurs())) throw new RolledBackError();
      if (codeOf(error) !== FAILED_TRANSACTION && !OTHER_TRANSACTION.has(codeOf(error))) throw error;
      throw new TransactionControlError(undefined, { cause: error });
    }
    this.isHandedOut = false;
  }

  /** Goes back to the mark, also in a transaction that has failed. */
  private async isStillOurs(): Promise<boolean> {
    try {
      const back = this.client.query(`ROLLBACK TO SAVEPOINT ${this.savepoint}`);
      await this.listen(within(STATEMENT_LIMIT_MS, 'ROLLBACK TO SAVEPOINT', back));
      return true;
    } catch (error) {
      // Any other answer, or none, comes of a connection that is gone, and of its transaction with it.
      return !OTHER_TRANSACTION.has(codeOf(error));
    }
  }

  private async listen<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      this.isSilent = error instanceof TookTooLongError || isReadTimeout(error);
      throw error;
    }
  }

  /** A connection that breaks while it is lent would end the process. */
  private readonly noteBreak = (): void => undefined;
}
