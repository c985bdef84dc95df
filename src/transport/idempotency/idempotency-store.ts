import type { CommitGuard, EntryRef } from '../redis/settlement.js';

/**
 * An entry and its key. The id of the entry is its generation: a dead letter that is replayed comes as an entry with
 * another id, so whatever was said of the entry before does not count for it.
 */
export interface IdempotencyGeneration {
  /** The key of the stream that the entry was read from. */
  readonly stream: string;
  /** The consumer group that it was delivered to. */
  readonly group: string;
  /** The handler's name: its pattern, unless it was given another. A marker counts for one handler of one group. */
  readonly handler: string;
  /** 1 to 512 characters. */
  readonly key: string;
  /** The entry: a store needs its id. */
  readonly entry: EntryRef;
  /** Milliseconds for which a key that is done is remembered. */
  readonly windowMs: number;
  /** Milliseconds that the handler may take; 0 when there is no limit. */
  readonly handlerTimeoutMs: number;
}

/** One delivery that asks whether it may have its effect. */
export interface IdempotencyClaim extends IdempotencyGeneration {
  /** Aborts when the handler's result will no longer count. */
  readonly signal: AbortSignal;
}

/** How a delivery ended that asked for its key. */
export type IdempotencyEnd =
  /**
   * The handler ran, and nobody else did with this key. With a guard, the key is marked as done in the step that
   * acknowledges the entry; without one it is done already.
   */
  | { readonly outcome: 'done'; readonly guard?: CommitGuard }
  /** The key is done: the handler was not called. */
  | { readonly outcome: 'duplicate' }
  /**
   * Another entry with this key is being handled, and the handler was not called; or, with a cause, the store is in
   * trouble: the handler was not called, or what it did is undone, or the next delivery finds it done. The entry is put
   * off without a delivery being charged.
   */
  | { readonly outcome: 'busy'; readonly retryInMs: number; readonly cause?: unknown }
  /** The entry belongs to another process by now: the handler was not called. */
  | { readonly outcome: 'lost' };

/**
 * Remembers which business keys were handled, and lets one delivery at a time have its effect for each.
 *
 * `run` calls `work` once, or not at all when the key is done or somebody else is at it; it rejects with what `work`
 * rejects with, and then the key must be free again. Whoever writes one: a marker that is written before the effect
 * loses events, and one that is written apart from it repeats them. What `run` does before it calls `work` is not
 * covered by the handler's timeout, nor what it does afterwards with a transaction that it gave to `work`, so it must
 * end by itself. When it is not known whether that transaction was committed, `busy` is the answer that is never wrong.
 */
export interface IdempotencyStore {
  /**
   * Lets `work` run if its key is free; see above for what must hold.
   *
   * @param work - runs the handler; what it is given is what the handler gets from `context.getTransaction()`
   */
  run(claim: IdempotencyClaim, work: (transaction?: unknown) => Promise<void>): Promise<IdempotencyEnd>;

  /**
   * Asked before the entry of a key is dead-lettered. From then on `run` must not let that entry have its effect,
   * whatever process still has it, and must reject for it with a `NonRetryableError`; entries with other ids are free
   * to. It may be asked more than once of the same entry, and must settle within a few seconds. While it rejects, the entry is neither dead-lettered nor lost: it is tried again, and an abandoned one stays pending.
   *
   * A store whose key becomes done in the step that acknowledges the entry needs none: the two exclude each other.
   *
   * @returns `done` when the key was done before, so that the entry is a duplicate: it is acknowledged
   */
  giveUp?(generation: IdempotencyGeneration): Promise<'given-up' | 'done'>;
}
