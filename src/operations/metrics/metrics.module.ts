import { Module, type DynamicModule } from '@nestjs/common';
import { METRICS_OPTIONS, type MetricsOptions } from './metrics-options.js';
import { MetricsController } from './metrics.controller.js';
import { ServiceMetrics } from './service-metrics.js';

/** `GET /metrics`. */
@Module({})
export class MetricsModule {
  /**
   * @param transport - the module that provides the `RedisStreamsServer`
   * @param streams - the module that provides the `StreamsSnapshots`
   * @param orders - the module that provides the `OrderStore`
   */
  static forRoot(
    options: MetricsOptions,
    transport: DynamicModule,
    streams: DynamicModule,
    orders: DynamicModule,
  ): DynamicModule {
    return {
      module: MetricsModule,
      imports: [transport, streams, orders],
      controllers: [MetricsController],
      providers: [{ provide: METRICS_OPTIONS, useValue: options }, ServiceMetrics],
    };
  }
}
