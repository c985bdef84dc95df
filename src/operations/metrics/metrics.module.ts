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
   * @param store - the module that provides the `StoreCheck`
   */
  static forRoot(
    options: MetricsOptions,
    transport: DynamicModule,
    streams: DynamicModule,
    store: DynamicModule,
  ): DynamicModule {
    return {
      module: MetricsModule,
      imports: [transport, streams, store],
      controllers: [MetricsController],
      providers: [{ provide: METRICS_OPTIONS, useValue: options }, ServiceMetrics],
    };
  }
}
