import type { RetryOptions } from '../policy/retry-policy.js';
import { patternExtra } from './pattern-extra.js';

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
