import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import type { RetryOptions } from '../policy/retry-policy.js';

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
  return (_target, _name, descriptor: PropertyDescriptor) => {
    const handler = descriptor.value as object;
    const extras = Reflect.getMetadata(PATTERN_EXTRAS_METADATA, handler) as
      Record<string, unknown> | undefined;
    Reflect.defineMetadata(PATTERN_EXTRAS_METADATA, { ...extras, [RETRY_EXTRA]: options }, handler);
  };
}
