import { Module, type DynamicModule } from '@nestjs/common';
import { transportOptions, type Config } from './config/index.js';
import { AccessModule } from './operations/access/access.module.js';
import { DashboardModule } from './operations/dashboard/dashboard.module.js';
import { DeadLettersModule } from './operations/dead-letters/dead-letters.module.js';
import { HealthModule } from './operations/health/health.module.js';
import { MetricsModule } from './operations/metrics/metrics.module.js';
import { StreamsModule } from './operations/streams/streams.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { ORDERS_PATTERN, PROCESSED_PATTERN } from './orders/orders-options.js';
import { RedisStreamsModule, type RedisConnectionOptions, type WaitReplicas } from './transport/index.js';

/** The service, put together. */
@Module({})
export class AppModule {
  /**
   * @param config - the environment's part
   * @param connection - the Redis in use: the configured one, or the service's own
   */
  static forRoot(config: Config, connection: RedisConnectionOptions): DynamicModule {
    const streams = { [ORDERS_PATTERN]: config.streamKey };
    const transport = RedisStreamsModule.forRootAsync({
      useFactory: () => transportOptions(config, connection, streams),
    });
    const deadLetters = DeadLettersModule.forRoot({ connection, streams, pattern: ORDERS_PATTERN });
    const { groupName: group, orderTtlMs, failOrderPrefix, databaseUrl, databasePoolSize } = config;
    const { idempotencyScopeHeader } = config;
    const database = databaseUrl === undefined ? undefined : { url: databaseUrl, poolSize: databasePoolSize };
    const orders = OrdersModule.forRoot(
      {
        connection,
        streams,
        group,
        orderTtlMs,
        idempotencyScopeHeader,
        failOrderPrefix,
        database,
        ...replicationOf(config),
      },
      transport,
      deadLetters,
    );
    const looks = StreamsModule.forRoot({ group, outputs: [PROCESSED_PATTERN] }, transport);
    const thresholds = {
      lag: config.lagAlert,
      oldestPendingMs: config.oldestPendingAlertMs,
      deadLetters: config.deadLetterAlert,
    };
    const { recoveryIntervalMs } = config;
    const health = HealthModule.forRoot(thresholds, transport, looks, orders);
    const metrics = MetricsModule.forRoot({ thresholds, recoveryIntervalMs }, transport, looks, orders);
    const dashboard = DashboardModule.forRoot(
      { connection, pattern: ORDERS_PATTERN },
      transport,
      looks,
      deadLetters,
    );
    // The transport comes last: Nest destroys the last import first, so it drains while the rest still works.
    const operations = [deadLetters, looks, health, metrics, dashboard];
    const access = AccessModule.forRoot({ ...config, openPaths: ['orders'] });
    return { module: AppModule, imports: [access, orders, ...operations, transport] };
  }
}

function replicationOf({ waitReplicas: count, waitReplicasTimeoutMs: timeoutMs }: Config): {
  waitReplicas?: WaitReplicas;
} {
  return count > 0 ? { waitReplicas: { count, timeoutMs } } : {};
}
