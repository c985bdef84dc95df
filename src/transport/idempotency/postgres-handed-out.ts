import { DeliveryOverError } from '../protocol/errors/delivery-over.error.js';
import { TransactionControlError } from '../protocol/errors/transaction-control.error.js';
import type { PostgresClient } from './postgres-pool.js';
import { transactionControlIn } from './postgres-statements.js';

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
