import { Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { DeadLetters, type DeadLettersOptions } from '../../transport/index.js';
import { DeadLettersController } from './dead-letters.controller.js';

/** The routes of `/dead-letters`. */
@Module({})
export class DeadLettersModule implements OnApplicationShutdown {
  static forRoot(options: DeadLettersOptions): DynamicModule {
    return {
      module: DeadLettersModule,
      controllers: [DeadLettersController],
      providers: [{ provide: DeadLetters, useFactory: () => new DeadLetters(options) }],
      exports: [DeadLetters],
    };
  }

  constructor(@Inject(DeadLetters) private readonly deadLetters: DeadLetters) {}

  async onApplicationShutdown(): Promise<void> {
    await this.deadLetters.close();
  }
}
