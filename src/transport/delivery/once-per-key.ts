import { keyOf } from '../idempotency/idempotency-key.js';
import type { IdempotencyPolicy } from '../idempotency/idempotency-policy.js';
import type { IdempotencyClaim, IdempotencyEnd, IdempotencyStore } from '../idempotency/idempotency-store.js';
import type { FailedEvent } from '../observe/transport-events.js';
import type { StreamEntry } from '../protocol/entry.js';
import { DeliveryLostError } from '../protocol/errors/delivery-lost.error.js';
import { NonRetryableError } from '../protocol/errors/non-retryable.error.js';
import type { DeadLetterVerdict } from './dead-letter-arbiter.js';
import type { HeldEntry } from './held-entry.js';
import type { ReceivedEvent } from './received-event.js';

/** Lets a handler have its effect once for each business key. */
export class OncePerKey {
  /** Keys that were asked for: a handler may change the payload. */
  private readonly keys = new WeakMap<StreamEntry, string>();

  constructor(
    private readonly policy: IdempotencyPolicy,
    private readonly store: IdempotencyStore,
    private readonly handlerTimeoutMs: number,
  ) {}

  /**
   * Calls the handler, unless the event's key is done or somebody else is at it.
   *
   * @throws IdempotencyKeyError when the event has no usable key, and whatever the handler or the store fails with
   */
  async run(held: HeldEntry, event: ReceivedEvent, handle: () => Promise<void>): Promise<IdempotencyEnd> {
    let handling = Promise.resolve();
    const claim = this.claimOf(held, event);
    const work = async (transaction?: unknown): Promise<void> => {
      // It may have been lost, or the process may end, while the key was asked for.
      if (held.isDecided || event.isAborted) throw new DeliveryLostError(event.entryId);
      event.storeTransaction = transaction;
      handling = handle();
      await handling;
      // What is committed in Redis comes after what is committed there: between them a process can die.
      if (transaction !== undefined && event.transaction) {
        throw new NonRetryableError(
          `The handler of "${event.source.pattern}" uses context.commit, and its idempotency store has a transaction of ` +
            'its own: the two cannot be committed as one. Write to one of them.',
        );
      }
      // A result that came too late is given up by the store, which knows from the signal.
      held.isCommitting = transaction !== undefined && !held.isDecided;
    };
    try {
      return await this.store.run(claim, work);
    } finally {
      held.isCommitting = false;
      // A store may give a handler up that goes on; until it ends it counts as one that does.
      await handling.catch(() => undefined);
    }
  }

  /** Asked before an entry is dead-lettered, so that what it brings cannot have its effect afterwards. */
  async giveUp(
    { stream, group, entryId, deliveryCount, payload }: FailedEvent,
    entry: StreamEntry,
  ): Promise<DeadLetterVerdict> {
    const { handler, windowMs } = this.policy;
    const key = this.keys.get(entry) ?? this.keyIn(payload);
    if (!this.store.giveUp || key === undefined) return 'dead-letter';
    const generation = {
      ...{ stream, group, handler, key, entry: { id: entryId, deliveryCount } },
      ...{ windowMs, handlerTimeoutMs: this.handlerTimeoutMs },
    };
    return (await this.store.giveUp(generation)) === 'done' ? 'acknowledge' : 'dead-letter';
  }

  /** @returns undefined for what has no key, which never had an effect */
  private keyIn(payload: unknown): string | undefined {
    // It could not be decoded.
    if (payload === undefined) return undefined;
    try {
      return keyOf(this.policy.handler, this.policy.key, payload);
    } catch {
      return undefined;
    }
  }

  private claimOf(held: HeldEntry, event: ReceivedEvent): IdempotencyClaim {
    const { handler, key: find, windowMs } = this.policy;
    const { stream, group } = event.source;
    const key = keyOf(handler, find, event.payload);
    if (this.store.giveUp) this.keys.set(event.entry, key);
    return {
      ...{ stream, group, handler, windowMs, handlerTimeoutMs: this.handlerTimeoutMs },
      key,
      entry: { id: held.id, deliveryCount: held.deliveryCount },
      // Made only for a store that asks.
      get signal() {
        return event.signal;
      },
    };
  }
}
