import { Module, type DynamicModule } from '@nestjs/common';
import { STREAMS_OPTIONS, type StreamsOptions } from './streams-options.js';
import { StreamsController } from './streams.controller.js';
import { StreamsSnapshots } from './streams-snapshots.js';

/** `GET /streams`, and the snapshots it shows for whoever else wants them. */
@Module({})
export class StreamsModule {
  /** @param transport - the module that provides the `RedisStreamsServer` */
  static forRoot(options: StreamsOptions, transport: DynamicModule): DynamicModule {
    return {
      module: StreamsModule,
      imports: [transport],
      controllers: [StreamsController],
      providers: [{ provide: STREAMS_OPTIONS, useValue: options }, StreamsSnapshots],
      exports: [StreamsSnapshots],
    };
  }
}
