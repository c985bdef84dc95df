import {
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DeadLetters, ReplayJobs, type DeadLettersOptions } from '../../transport/index.js';
import { moduleWithPeers } from '../module-with-peers.js';

/**
 * The routes of `/dead-letters`, and a process that carries replay jobs out. It exports `DeadLetters` and `ReplayJobs`.
 *
 * Needs `@nestjs/swagger`, `class-validator` and `class-transformer`. Anybody may use the routes unless an
 * {@link AccessModule} guards them.
 *
 * @example
 * ```ts
 * const connection = { url: 'redis://localhost:6379' };
 * const transport = RedisStreamsModule.forRoot({ connection, group: 'shop' });
 * const deadLetters = DeadLettersModule.forRoot({ connection, pattern: 'orders' });
 * const streams = StreamsModule.forRoot({ group: 'shop', outputs: [] }, transport);
 * const access = AccessModule.forRoot({ adminToken: process.env.ADMIN_TOKEN, openPaths: ['shop'] });
 *
 * @Module({ imports: [access, deadLetters, streams, transport] })
 * export class ShopModule {}
 * ```
 */
@Module({})
export class DeadLettersModule implements OnApplicationBootstrap, OnApplicationShutdown {
  /**
   * Adds the routes of `/dead-letters`.
   *
   * @param options - the Redis and the stream whose dead letters are meant
   * @throws Error (as a rejection) that names the package to install when one is missing
   */
  static forRoot(options: DeadLettersOptions): Promise<DynamicModule> {
    return moduleWithPeers(
      DeadLettersModule,
      ['@nestjs/swagger', 'class-validator', 'class-transformer'],
      () => import('./parts.js'),
      ({ ReplayJobsController, DeadLettersController }) => ({
        module: DeadLettersModule,
        // Of two routes that fit a path the first one is taken: `replay` is no id of a dead letter.
        controllers: [ReplayJobsController, DeadLettersController],
        providers: [
          { provide: DeadLetters, useFactory: () => new DeadLetters(options) },
          {
            provide: ReplayJobs,
            inject: [DeadLetters],
            useFactory: (deadLetters: DeadLetters) => new ReplayJobs(deadLetters),
          },
        ],
        exports: [DeadLetters, ReplayJobs],
      }),
    );
  }

  /** Made by Nest. */
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly jobs: ReplayJobs,
  ) {}

  /** Called by Nest: begins to carry out replay jobs. */
  onApplicationBootstrap(): void {
    this.jobs.run();
  }

  /** Called by Nest: hands a running job back and closes the connection. */
  async onApplicationShutdown(): Promise<void> {
    await this.jobs.close();
    await this.deadLetters.close();
  }
}
