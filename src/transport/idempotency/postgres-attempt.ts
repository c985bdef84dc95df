import type { PostgresClient } from './postgres-pool.js';
import { isAnswer, isEndedByServer, isTrouble } from './postgres-trouble.js';
import { within } from './within.js';

/** How long a statement of ours may take after the handler's end before the connection is ended, in milliseconds. */
const STATEMENT_LIMIT_MS = 5_000;
/** The same for COMMIT, which may have to run deferred checks, and wait for a standby. */
const COMMIT_LIMIT_MS = 10_000;

/** PostgreSQL answered COMMIT, and undid the transaction. */
class RolledBackError extends Error {
  override readonly name = 'RolledBackError';

  constructor() {
    super('PostgreSQL rolled the transaction back: a statement in it had failed');
  }
}

/** One delivery's transaction on one connection. */
export class Attempt {
  /** What is under way: asking for the key, the handler, or the commit. */
  step: 'claim' | 'work' | 'commit' = 'claim';
  /** Whether key and effect are there for good. */
  isCommitted = false;
  private isReusable = false;
  private brokenBy: Error | undefined;

  constructor(private readonly client: PostgresClient) {
    client.on('error', this.noteBreak);
  }

  async commit(): Promise<void> {
    const { command } = await within(COMMIT_LIMIT_MS, 'COMMIT', this.client.query('COMMIT'));
    // After a failed statement COMMIT rolls back and succeeds, also where the handler went on in spite of the failure.
    if (command !== 'COMMIT') throw new RolledBackError();
    this.isCommitted = true;
    this.isReusable = true;
  }

  rollBack(): Promise<void> {
    return this.ask('ROLLBACK', 'ROLLBACK');
  }

  /** Asks for something whose failure costs no more than the connection. */
  async ask(what: string, sql: string, values?: unknown[]): Promise<void> {
    this.isReusable = await within(STATEMENT_LIMIT_MS, what, this.client.query(sql, values)).then(
      () => true,
      () => false,
    );
  }

  /**
   * Whether a failure is that of PostgreSQL, so that it is not held against the event; asked after the rollback.
   *
   * While the handler runs it must be PostgreSQL that says so: a connection that breaks without a word may have been
   * broken by the handler's own statement, which would bring PostgreSQL down again and again. Nothing is committed then.
   * Once COMMIT is sent only its answer counts: without one the effect may be there.
   */
  saysNothingOfTheEvent(error: unknown): boolean {
    switch (this.step) {
      case 'claim':
        return isTrouble(error);
      case 'work':
        return !this.isReusable && (isEndedByServer(error) || isEndedByServer(this.brokenBy));
      case 'commit':
        return !(error instanceof RolledBackError) && !(this.isReusable && isAnswer(error));
    }
  }

  /** Gives the connection back, or ends it. */
  release(): void {
    this.client.removeListener('error', this.noteBreak);
    this.client.release(!this.isReusable);
  }

  /** A connection that breaks while the handler does something else would end the process. */
  private readonly noteBreak = (error: Error): void => {
    this.brokenBy ??= error;
  };
}
