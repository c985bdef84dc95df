import {
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DeadLetters, ReplayJobs, type DeadLettersOptions } from '../../transport/index.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { ReplayJobsController } from './replay-jobs.controller.js';

/** The routes of `/dead-letters`, and a process that carries replay jobs out. */
@Module({})
export class DeadLettersModule implements OnApplicationBootstrap, OnApplicationShutdown {
  static forRoot(options: DeadLettersOptions): DynamicModule {
    return {
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
    };
  }

  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly jobs: ReplayJobs,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.run();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.jobs.close();
    await this.deadLetters.close();
  }
}
