import { keyOf } from '../idempotency/idempotency-key.js';
import type { IdempotencyPolicy } from '../idempotency/idempotency-policy.js';
import type { IdempotencyClaim, IdempotencyEnd, IdempotencyStore } from '../idempotency/idempotency-store.js';
import { refOf, type Delivery } from '../entry/delivery.js';
import { DeliveryLostError, NonRetryableError } from '../entry/errors.js';
import type { DeadLetterVerdict } from './application-hooks.js';

/** Lets a handler have its effect once for each business key. */
export class OncePerKey {
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
  async run(delivery: Delivery, handle: () => Promise<void>): Promise<IdempotencyEnd> {
    let handling = Promise.resolve();
    const claim = this.claimOf(delivery);
    const work = async (transaction?: unknown): Promise<void> => {
      // It may have been lost, or the process may end, while the key was asked for.
      if (delivery.isDecided || delivery.isAborted) throw new DeliveryLostError(delivery.id);
      delivery.storeTransaction = transaction;
      handling = handle();
      await handling;
      // What is committed in Redis comes after what is committed there: between them a process can die.
      if (transaction !== undefined && delivery.transaction) {
        throw new NonRetryableError(
          `The handler of "${delivery.source.pattern}" uses context.commit, and its idempotency store has a transaction of ` +
            'its own: the two cannot be committed as one. Write to one of them.',
        );
      }
      // A result that came too late is given up by the store, which knows from the signal.
      delivery.isCommitting = transaction !== undefined && !delivery.isDecided;
    };
    try {
      return await this.store.run(claim, work);
    } finally {
      delivery.isCommitting = false;
      // A store may give a handler up that goes on; until it ends it counts as one that does.
      await handling.catch(() => undefined);
    }
  }

  /** Asked before an entry is dead-lettered, so that what it brings cannot have its effect afterwards. */
  async giveUp(delivery: Delivery): Promise<DeadLetterVerdict> {
    const { handler, windowMs } = this.policy;
    const { stream, group } = delivery.source;
    const key = delivery.idempotencyKey ?? this.keyIn(delivery.payload);
    if (!this.store.giveUp || key === undefined) return 'dead-letter';
    const generation = {
      ...{ stream, group, handler, key, entry: refOf(delivery) },
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

  private claimOf(delivery: Delivery): IdempotencyClaim {
    const { handler, key: find, windowMs } = this.policy;
    const { stream, group } = delivery.source;
    const key = keyOf(handler, find, delivery.payload);
    delivery.idempotencyKey = key;
    return {
      ...{ stream, group, handler, windowMs, handlerTimeoutMs: this.handlerTimeoutMs },
      ...{ key, entry: refOf(delivery) },
      // Made only for a store that asks.
      get signal() {
        return delivery.signal;
      },
    };
  }
}
