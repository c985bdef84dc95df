import { compareIds } from '../../support/fake-redis/entry-ids.js';
import type { Sight } from '../../support/stream-world.js';
import type { HandlerLog } from './model-process.js';

/** Something that must never be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What happened to one entry. */
export interface Account {
  readonly id: string;
  readonly parts: readonly Buffer[];
  readonly isValid: boolean;
  isDeleted: boolean;
  /** The end that its present life came to. */
  end: 'handled' | 'dead-lettered' | 'vanished' | undefined;
  /** Dead letters that were written for it. */
  letters: number;
  /** How often the group was lost and began again before it. */
  lives: number;
  /** `consumer/count` of deliveries by what became of their handlers. */
  readonly started: Set<string>;
  readonly succeeded: Set<string>;
  readonly failed: Set<string>;
  /** `consumer/lane/sequence` of the calls that committed it. */
  readonly committed: Set<string>;
}

/** Keeps account of every entry, beside Redis, from what was sent, deleted and handled. */
export class Ledger implements HandlerLog {
  readonly accounts = new Map<string, Account>();

  constructor(readonly maxRetries: number) {}

  emitted(id: string, parts: readonly Buffer[], isValid: boolean): void {
    this.accounts.set(id, {
      ...{ id, parts, isValid, isDeleted: false, end: undefined, letters: 0, lives: 1 },
      ...{ started: new Set(), succeeded: new Set(), failed: new Set(), committed: new Set() },
    });
  }

  of(id: string): Account {
    const account = this.accounts.get(id);
    if (!account) throw new Violation(`nobody sent ${id}`);
    return account;
  }

  started(consumer: string, id: string, count: number): void {
    this.of(id).started.add(`${consumer}/${count}`);
  }

  succeeded(consumer: string, id: string, count: number): void {
    this.of(id).succeeded.add(`${consumer}/${count}`);
  }

  failed(consumer: string, id: string, count: number): void {
    this.of(id).failed.add(`${consumer}/${count}`);
  }

  /** A put-off takes back the count of its delivery, which is then given out again for a run that has not started. */
  putOff(consumer: string, id: string, count: number): void {
    const { started } = this.of(id);
    if (started.delete(`${consumer}/${count}`)) started.add(`${consumer}/${count} put off`);
  }

  /** An entry's life ended; that happens once. */
  ended(id: string, end: 'handled' | 'dead-lettered' | 'vanished'): void {
    const account = this.of(id);
    if (account.end) throw new Violation(`${id} is ${end} although it was ${account.end} already`);
    account.end = end;
  }

  /** The group begins anew after an id: what the stream still holds of what comes later is delivered once more. */
  restarted(after: string, entries: ReadonlySet<string>): void {
    for (const account of this.accounts.values()) {
      if (compareIds(account.id, after) <= 0 || !entries.has(account.id)) continue;
      account.lives += 1;
      account.end = undefined;
    }
  }

  /** Every entry is unread, pending, or has come to an end: nothing is lost. */
  checkNothingLost({ entries, pending, lastDelivered }: Sight): void {
    for (const { id, isDeleted, end } of this.accounts.values()) {
      const isPending = pending.has(id);
      if (end) {
        if (isPending) throw new Violation(`${id} is pending although it was ${end}`);
        continue;
      }
      if (isDeleted || lastDelivered === undefined) continue;
      if (!entries.has(id)) throw new Violation(`${id} was trimmed before it was settled`);
      if (!isPending && compareIds(id, lastDelivered) <= 0) throw new Violation(`${id} is lost`);
    }
  }

  /** Whether everything has come to an end, as far as Redis shows. */
  isQuiet({ pending, waiting, lastDelivered }: Sight): boolean {
    if (lastDelivered === undefined || pending.size + waiting.size > 0) return false;
    return [...this.accounts.values()].every(({ end, isDeleted }) => end !== undefined || isDeleted);
  }
}
