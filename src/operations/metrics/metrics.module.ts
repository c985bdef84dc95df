import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { moduleWithPeers } from '../module-with-peers.js';
import { METRICS_OPTIONS, type MetricsOptions } from './metrics-options.js';

/**
 * `GET /metrics`, in Prometheus's text format.
 *
 * Needs `@nestjs/swagger` and `prom-client`.
 */
@Module({})
export class MetricsModule {
  /**
   * Adds the route of `/metrics`.
   *
   * @param options - what the metrics are measured against
   * @param imports - the modules that provide the `RedisStreamsServer`, the {@link StreamsModule}, and the one that
   * provides a {@link StoreCheck}, if there is any
   * @throws Error (as a rejection) that names the package to install when one is missing
   */
  static forRoot(
    options: MetricsOptions,
    ...imports: NonNullable<ModuleMetadata['imports']>
  ): Promise<DynamicModule> {
    return moduleWithPeers(
      MetricsModule,
      ['@nestjs/swagger', 'prom-client'],
      () => import('./parts.js'),
      ({ MetricsController, ServiceMetrics }) => ({
        module: MetricsModule,
        imports,
        controllers: [MetricsController],
        providers: [{ provide: METRICS_OPTIONS, useValue: options }, ServiceMetrics],
      }),
    );
  }
}
