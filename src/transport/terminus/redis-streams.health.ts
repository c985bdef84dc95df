import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { RedisStreamsServer } from '../nest/redis-streams-server.js';
import type { HealthCause, HealthWarning } from '../nest/transport-health.js';

/** Why the transport is not ready; names no address, payload or key value. */
export interface RedisStreamsHealthDetail extends Record<string, unknown> {
  /** Why it is down; absent when it is up. */
  readonly causes?: readonly HealthCause[];
  /** What a person should look at; absent when there is nothing. */
  readonly warnings?: readonly HealthWarning[];
}

/**
 * Indicates to `@nestjs/terminus` whether the transport does its work: Redis answers and takes writes, the groups are
 * there, every stream is read, and the recovery runs. Settles within three seconds whatever Redis does.
 *
 * Use it for readiness. For liveness it is wrong: it is down while Redis is, and a new process would not mend that.
 *
 * @example
 * ```ts
 * import { RedisStreamsHealthIndicator } from 'order-streams/terminus';
 *
 * // In a module that imports TerminusModule and RedisStreamsModule, with the indicator among its providers:
 * check() {
 *   return this.health.check([() => this.redisStreams.isHealthy('redis-streams')]);
 * }
 * ```
 */
@Injectable()
export class RedisStreamsHealthIndicator {
  constructor(
    private readonly server: RedisStreamsServer,
    private readonly indicators: HealthIndicatorService,
  ) {}

  /**
   * Asks the transport whether it does its work.
   *
   * @param key - the name under which the result stands
   * @returns `up`, or `down` with every cause
   */
  async isHealthy<Key extends string>(
    key: Key,
  ): Promise<HealthIndicatorResult<Key, 'up' | 'down', RedisStreamsHealthDetail>> {
    const { ready, causes, warnings } = await this.server.checkHealth();
    const indicator = this.indicators.check(key);
    const detail = { ...(warnings && { warnings }) };
    if (!ready) return indicator.down({ causes, ...detail });
    return warnings ? indicator.up(detail) : indicator.up();
  }
}
