import type { RedisConnectionOptions, RedisStreamsServerOptions } from '../transport/index.js';
import type { Config } from './config.js';

/** What the service's configuration means for its transport. */
export function transportOptions(
  config: Config,
  connection: RedisConnectionOptions,
  streams: Record<string, string>,
): RedisStreamsServerOptions {
  const { consumerName, maxInFlight, dltRetentionMs } = config;
  return {
    connection,
    streams,
    group: config.groupName,
    ...(consumerName !== undefined && { consumerName }),
    ...(maxInFlight !== undefined && { maxInFlight }),
    ackWaitMs: config.ackWaitMs,
    recoveryIntervalMs: config.recoveryIntervalMs,
    maxRetryDelayMs: config.maxRetryDelayMs,
    retry: {
      maxRetries: config.maxRetries,
      handlerTimeoutMs: config.handlerTimeoutMs,
      backoff: {
        type: 'exponential',
        initialMs: config.backoffInitialMs,
        factor: config.backoffFactor,
        maxMs: config.backoffMaxMs,
        jitter: config.backoffJitter,
      },
    },
    retention: {
      maxAgeMs: config.retentionMs,
      maxEntries: config.retentionMaxEntries,
      ...(dltRetentionMs !== undefined && { deadLetterMaxAgeMs: dltRetentionMs }),
    },
    shutdownGraceMs: config.shutdownGraceMs,
    // The service's own log has these with the id of the order.
    log: { except: ['retry-scheduled', 'put-off', 'dead-lettered', 'reclaimed'] },
  };
}
