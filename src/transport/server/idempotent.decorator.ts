import type { IdempotencyKey } from '../idempotency/idempotency-key.js';
import type { IdempotencyOptions } from '../idempotency/idempotency-policy.js';
import { patternExtra } from './pattern-extra.js';

/** The name under which a handler's key and options stand in the extras of its pattern. */
export const IDEMPOTENT_EXTRA = 'idempotent';

/**
 * Lets a handler have its effect once for each business key within a window, also when an order was sent twice and
 * stands in the stream as two entries. The second is acknowledged without calling the handler (event `duplicate`);
 * while the first is being handled it waits, and no delivery is charged. A failed, crashed or dead-lettered first one
 * leaves the key to the next.
 *
 * Which effects are done exactly once depends on the store: with Redis, the default, what the handler collects with
 * `context.commit`; with `PostgresIdempotencyStore` what it does through `context.getTransaction()`. Any other effect is
 * repeated when the process dies after it and before the acknowledgement.
 *
 * Without a decorator: `@EventPattern('orders', { idempotent: { key, ...options } })`, or these extras in `addHandler`.
 *
 * @param key - finds the key in the payload as it stands in the entry, before any pipe: 1 to 512 characters, or a
 * number. An entry without one goes to the dead letters (`IdempotencyKeyError`)
 *
 * @example
 * ```ts
 * @Idempotent((order: Order) => order.orderId)
 * @EventPattern<string>('orders')
 * handle(@Payload() order: Order, @Ctx() context: RedisStreamsContext) {
 *   context.commit((tx) => tx.incrby(`stock:${order.sku}`, -1));
 * }
 * ```
 */
export function Idempotent<T = unknown>(
  key: IdempotencyKey<T>,
  options: IdempotencyOptions = {},
): MethodDecorator {
  return patternExtra(IDEMPOTENT_EXTRA, { ...options, key });
}
