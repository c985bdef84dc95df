import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { RedisStreamsHealthIndicator } from '../../transport/terminus/index.js';
import { BacklogIndicator } from './backlog.indicator.js';
import { HealthController } from './health.controller.js';
import { ProcessIndicator } from './process.indicator.js';
import { StoreIndicator } from './store.indicator.js';
import { THRESHOLDS, type Thresholds } from './thresholds.js';

/** `GET /health/live` and `GET /health/ready`. */
@Module({})
export class HealthModule {
  /**
   * @param transport - the module that provides the `RedisStreamsServer`
   * @param streams - the module that provides the `StreamsSnapshots`
   * @param store - the module that provides the `StoreCheck`
   */
  static forRoot(
    thresholds: Thresholds,
    transport: DynamicModule,
    streams: DynamicModule,
    store: DynamicModule,
  ): DynamicModule {
    return {
      module: HealthModule,
      // A probe every few seconds would fill the log with one and the same failure.
      imports: [TerminusModule.forRoot({ logger: false }), transport, streams, store],
      controllers: [HealthController],
      providers: [
        { provide: THRESHOLDS, useValue: thresholds },
        ProcessIndicator,
        RedisStreamsHealthIndicator,
        BacklogIndicator,
        StoreIndicator,
      ],
    };
  }
}
