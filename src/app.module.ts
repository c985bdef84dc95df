import { Module, type DynamicModule } from '@nestjs/common';
import { transportOptions, type Config } from './config/index.js';
import { HealthModule } from './operations/health/health.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { ORDERS_PATTERN } from './orders/orders-options.js';
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
    const { groupName: group, orderTtlMs, failOrderPrefix } = config;
    const orders = OrdersModule.forRoot(
      { connection, streams, group, orderTtlMs, failOrderPrefix, ...replicationOf(config) },
      transport,
    );
    // The transport comes last: Nest destroys the last import first, so it drains while the rest still works.
    return { module: AppModule, imports: [orders, HealthModule.forRoot(transport), transport] };
  }
}

function replicationOf({ waitReplicas: count, waitReplicasTimeoutMs: timeoutMs }: Config): {
  waitReplicas?: WaitReplicas;
} {
  return count > 0 ? { waitReplicas: { count, timeoutMs } } : {};
}
