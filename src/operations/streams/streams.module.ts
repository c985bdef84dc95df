import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { moduleWithPeers } from '../module-with-peers.js';
import { STREAMS_OPTIONS, type StreamsOptions } from './streams-options.js';
import { StreamsSnapshots } from './streams-snapshots.js';

/**
 * `GET /streams`, and the snapshots behind it, which the modules for health, metrics and the dashboard need.
 *
 * Needs `@nestjs/swagger`.
 */
@Module({})
export class StreamsModule {
  /**
   * Adds the route of `/streams`.
   *
   * @param options - what there is to look at
   * @param imports - the module that provides the `RedisStreamsServer`
   * @throws Error (as a rejection) that names the package to install when one is missing
   */
  static forRoot(
    options: StreamsOptions,
    ...imports: NonNullable<ModuleMetadata['imports']>
  ): Promise<DynamicModule> {
    return moduleWithPeers(
      StreamsModule,
      ['@nestjs/swagger'],
      () => import('./streams.controller.js'),
      ({ StreamsController }) => ({
        module: StreamsModule,
        imports,
        controllers: [StreamsController],
        providers: [{ provide: STREAMS_OPTIONS, useValue: options }, StreamsSnapshots],
        exports: [StreamsSnapshots],
      }),
    );
  }
}
