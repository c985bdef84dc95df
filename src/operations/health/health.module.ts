import { Module, type DynamicModule } from '@nestjs/common';
import { HealthController } from './health.controller.js';

/** `GET /health/live` and `GET /health/ready`. */
@Module({})
export class HealthModule {
  /** @param transport - the module that provides the `RedisStreamsServer` */
  static forRoot(transport: DynamicModule): DynamicModule {
    return { module: HealthModule, imports: [transport], controllers: [HealthController] };
  }
}
