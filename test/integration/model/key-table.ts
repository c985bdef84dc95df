import type { IdempotencyStore } from '../../../src/transport/index.js';
import { NonRetryableError } from './delivery-adapter.js';
import { Violation, type Ledger } from './ledger.js';
import type { Link } from './link.js';

const RETRY_MS = 100;

/** One run of a handler: the same entry can come to one process twice. */
interface Transaction {
  readonly process: string;
}

interface Row {
  readonly entryId: string;
  /** The transaction that has the row; undefined once it is committed. */
  holder: Transaction | undefined;
}

/**
 * Another database, in which handlers make their effects together with their key, as `PostgresIdempotencyStore` lets them.
 * Each of its commands goes over the link of the process that sends it.
 */
export class KeyTable {
  private readonly rows = new Map<string, Row>();
  private readonly givenUp = new Set<string>();

  constructor(private readonly ledger: Ledger) {}

  /** The store as one process uses it. */
  storeOf(process: string, link: Link): IdempotencyStore {
    const ask = <T>(name: string, args: readonly unknown[], step: () => T): Promise<T> =>
      link.send(`table: ${name}`, ['table', ...args], () => new Promise((resolve) => resolve(step())));
    return {
      run: async ({ key, entry, signal }, work) => {
        const by: Transaction = { process };
        const answer = await ask('begin', [key, entry], () => this.begin(by, key, entry.id));
        if (answer === 'given-up') throw new NonRetryableError(`Entry ${entry.id} was given up`);
        if (answer === 'done') return { outcome: 'duplicate' };
        if (answer === 'locked') return { outcome: 'busy', retryInMs: RETRY_MS };
        try {
          await unlessAborted(signal, work({}));
          signal.throwIfAborted();
        } catch (error) {
          await ask('roll back', [key, entry], () => this.rollBack(by, key));
          throw error;
        }
        await ask('commit', [key, entry], () => this.commit(by, key, entry.id));
        return { outcome: 'done' };
      },
      giveUp: ({ key, entry }) => ask('give up', [key, entry], () => this.giveUp(key, entry.id)),
    };
  }

  /** A process is gone, and its transactions with it. */
  disconnect(process: string): void {
    for (const [key, { holder }] of this.rows) if (holder?.process === process) this.rows.delete(key);
  }

  private begin(by: Transaction, key: string, entryId: string): 'ours' | 'done' | 'given-up' | 'locked' {
    if (this.givenUp.has(entryId)) return 'given-up';
    const row = this.rows.get(key);
    if (row) {
      if (row.holder === undefined) return 'done';
      // What is sent again finds its own.
      return row.holder === by ? 'ours' : 'locked';
    }
    this.rows.set(key, { entryId, holder: by });
    return 'ours';
  }

  private rollBack(by: Transaction, key: string): void {
    if (this.rows.get(key)?.holder === by) this.rows.delete(key);
  }

  private commit(by: Transaction, key: string, entryId: string): void {
    const row = this.rows.get(key);
    if (row?.entryId === entryId && row.holder === undefined) return;
    if (row?.holder !== by) throw new Violation(`${entryId} commits key ${key}, which it does not have`);
    row.holder = undefined;
    this.ledger.tookEffect(key, entryId);
  }

  private giveUp(key: string, entryId: string): 'given-up' | 'done' {
    const row = this.rows.get(key);
    if (row?.entryId === entryId && row.holder !== undefined) {
      throw new Error(`The key of entry ${entryId} is being handled: it cannot be given up yet`);
    }
    this.givenUp.add(entryId);
    return row && row.holder === undefined ? 'done' : 'given-up';
  }
}

function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    work.then(resolve, reject);
  });
}
