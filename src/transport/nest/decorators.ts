import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import type { RetryOptions } from '../policy/retry-policy.js';
import type { IdempotencyKey } from '../idempotency/idempotency-key.js';
import type { IdempotencyOptions } from '../idempotency/idempotency-policy.js';

/** Sets one of the extras of a handler's pattern. `@EventPattern` keeps what it finds, so either may come first. */
export function patternExtra(name: string, value: unknown): MethodDecorator {
  return (_target, _name, descriptor: PropertyDescriptor) => {
    const handler = descriptor.value as object;
    const extras = Reflect.getMetadata(PATTERN_EXTRAS_METADATA, handler) as
      Record<string, unknown> | undefined;
    Reflect.defineMetadata(PATTERN_EXTRAS_METADATA, { ...extras, [name]: value }, handler);
  };
}

/** The name under which a handler's options stand in the extras of its pattern. */
export const RETRY_EXTRA = 'retry';

/**
 * Sets how failures of one handler are treated; what it leaves open is as the server has it. The same as
 * `@EventPattern('orders', { retry: options })`.
 *
 * @example
 * ```ts
 * @Retry({ maxRetries: 5, backoff: { type: 'fixed', delayMs: 10_000 } })
 * @EventPattern<string>('orders')
 * handle(@Payload() order: Order) {}
 * ```
 */
export function Retry(options: RetryOptions): MethodDecorator {
  return patternExtra(RETRY_EXTRA, options);
}

/** The name under which stands in the extras of a pattern how many of its handlers may run at once. */
export const MAX_IN_FLIGHT_EXTRA = 'maxInFlight';

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
 * @param key - finds the key in the payload as it stands in the entry, before any pipe: 1 to 512 characters, a number
 * up to 2^53 - 1, or a bigint. An entry without one goes to the dead letters (`IdempotencyKeyError`)
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
