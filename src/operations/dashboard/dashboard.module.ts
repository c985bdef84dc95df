import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { moduleWithPeers } from '../module-with-peers.js';
import { DASHBOARD_OPTIONS, type DashboardOptions } from './dashboard-options.js';

/**
 * `GET /events`, from which the page at `/` lives. The page itself is served by {@link servePage}.
 *
 * Needs `@nestjs/swagger`, `class-validator` and `class-transformer`.
 */
@Module({})
export class DashboardModule {
  /**
   * Adds the route from which the page lives.
   *
   * @param options - the Redis through which the processes report what they do
   * @param imports - the module that provides the `RedisStreamsServer`, the {@link StreamsModule} and the
   * {@link DeadLettersModule}
   * @throws Error (as a rejection) that names the package to install when one is missing
   */
  static forRoot(
    options: DashboardOptions,
    ...imports: NonNullable<ModuleMetadata['imports']>
  ): Promise<DynamicModule> {
    return moduleWithPeers(
      DashboardModule,
      ['@nestjs/swagger', 'class-validator', 'class-transformer'],
      () => import('./parts.js'),
      ({ EventsController, ReplicaActivity, DashboardLooks, DashboardFeed }) => ({
        module: DashboardModule,
        imports,
        controllers: [EventsController],
        providers: [
          { provide: DASHBOARD_OPTIONS, useValue: options },
          ReplicaActivity,
          DashboardLooks,
          DashboardFeed,
        ],
      }),
    );
  }
}
