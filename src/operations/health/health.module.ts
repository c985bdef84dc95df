import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { moduleWithPeers } from '../module-with-peers.js';
import { THRESHOLDS, type Thresholds } from './thresholds.js';

/**
 * `GET /health/live`, whether the process is to be replaced, and `GET /health/ready`, whether it is to get work.
 *
 * Needs `@nestjs/swagger` and `@nestjs/terminus`.
 */
@Module({})
export class HealthModule {
  /**
   * Adds the routes of `/health`.
   *
   * @param thresholds - from where on readiness warns
   * @param imports - the modules that provide the `RedisStreamsServer`, the {@link StreamsModule}, and the one that
   * provides a {@link StoreCheck}, if there is any
   * @throws Error (as a rejection) that names the package to install when one is missing
   */
  static forRoot(
    thresholds: Thresholds,
    ...imports: NonNullable<ModuleMetadata['imports']>
  ): Promise<DynamicModule> {
    return moduleWithPeers(
      HealthModule,
      ['@nestjs/swagger', '@nestjs/terminus'],
      () => import('./parts.js'),
      ({ TerminusModule, HealthController, ...indicators }) => ({
        module: HealthModule,
        // A probe every few seconds would fill the log with one and the same failure.
        imports: [TerminusModule.forRoot({ logger: false }), ...imports],
        controllers: [HealthController],
        providers: [{ provide: THRESHOLDS, useValue: thresholds }, ...Object.values(indicators)],
      }),
    );
  }
}
