import { compareIds } from '../../support/fake-redis/entry-ids.js';
import type { Sight } from '../../support/stream-world.js';
import type { HandlerLog } from './model-process.js';
import type { Settings } from './settings.js';

/** Something that must never be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What an entry is when it is sent. */
export interface Sent {
  readonly parts: readonly Buffer[];
  readonly isValid: boolean;
  /** The order that it is about; undefined where it cannot be decoded. */
  readonly order: string | undefined;
  /** Whether it is noted that a replay made it: else its fields that say so are anybody's. */
  readonly isReplay: boolean;
}

export type End = 'handled' | 'dead-lettered' | 'vanished';

/** What happened to one entry. */
export interface Account extends Sent {
  readonly id: string;
  isDeleted: boolean;
  /** Until the note that says so is forgotten. */
  isReplay: boolean;
  /** The end that its present life came to. */
  end: End | undefined;
  /** The commands that ended its lives, with who sent them and what the delivery count was. */
  readonly endings: string[];
  /** Dead letters that were written for it. */
  letters: number;
  /** How often the group was lost and began again before it. */
  lives: number;
  /** How often it was put off. */
  putOffs: number;
  /** `consumer/count` of deliveries by what became of their handlers. */
  readonly started: Set<string>;
  readonly succeeded: Set<string>;
  readonly failed: Set<string>;
  /** Of those that were acknowledged without a handler's success: as duplicates, or for another group. */
  readonly passedOver: Set<string>;
  /** Of those whose key was taken from them. */
  readonly superseded: Set<string>;
  /** Of those whose handlers ended well, by whether they committed effects. */
  readonly withEffects: Set<string>;
  readonly withoutEffects: Set<string>;
  /** `consumer/lane/sequence` of the calls that committed it. */
  readonly committed: Set<string>;
  /** What the arbiter said last, by who asked. */
  readonly verdicts: Map<string, string>;
}

/** What an event is about, as far as the ledger must know. */
interface Observed {
  readonly entryId: string;
  readonly deliveryCount: number;
  readonly settlement: string;
}

/** Keeps account of every entry, beside Redis, from what was sent, deleted and handled. */
export class Ledger implements HandlerLog {
  readonly accounts = new Map<string, Account>();
  /** Orders that took effect, where handlers run once for each. */
  readonly doneOrders = new Set<string>();
  /** Entries that took effect in another database. */
  readonly inTable = new Set<string>();

  constructor(readonly settings: Settings) {}

  emitted(id: string, sent: Sent): void {
    this.accounts.set(id, {
      ...{ ...sent, id, isDeleted: false, end: undefined, endings: [], letters: 0, lives: 1, putOffs: 0 },
      ...{ started: new Set(), succeeded: new Set(), failed: new Set(), passedOver: new Set() },
      ...{ superseded: new Set(), withEffects: new Set(), withoutEffects: new Set() },
      ...{ committed: new Set(), verdicts: new Map() },
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

  endedWell(consumer: string, id: string, count: number, hasEffects: boolean): void {
    const { withEffects, withoutEffects } = this.of(id);
    (hasEffects ? withEffects : withoutEffects).add(`${consumer}/${count}`);
  }

  observed(consumer: string, name: string, event: object): void {
    const { entryId, deliveryCount, settlement } = event as Observed;
    const delivery = `${consumer}/${deliveryCount}`;
    if (name === 'processed') this.of(entryId).succeeded.add(delivery);
    if (name === 'failed') this.of(entryId).failed.add(delivery);
    if (name === 'skipped' || name === 'duplicate') this.of(entryId).passedOver.add(delivery);
    if (name === 'commit-refused' && settlement === 'superseded') this.of(entryId).superseded.add(delivery);
  }

  /** An order took effect; that happens once. */
  tookEffect(order: string, id: string): void {
    if (this.doneOrders.has(order))
      throw new Violation(`${id} took effect although its order ${order} is done`);
    this.doneOrders.add(order);
    if (this.settings.hasKeyTable) this.inTable.add(id);
  }

  /** What the arbiter said to a consumer. */
  judged(consumer: string, id: string, verdict: string): void {
    this.of(id).verdicts.set(consumer, verdict);
  }

  /** A put-off takes back the count of its delivery, which is then given out again for a run that has not started. */
  putOff(consumer: string, id: string, count: number): void {
    const { started } = this.of(id);
    if (started.delete(`${consumer}/${count}`)) started.add(`${consumer}/${count} put off`);
  }

  /** An entry's life ended; that happens once. */
  ended(id: string, end: End, by: string): void {
    const account = this.of(id);
    if (account.end) throw new Violation(`${id} is ${end} although it was ${account.end} already`);
    account.end = end;
    account.endings.push(`${end} by ${by}`);
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
