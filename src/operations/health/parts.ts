// What stands on optional packages, loaded together.
export { TerminusModule } from '@nestjs/terminus';
export { RedisStreamsHealthIndicator } from '../../transport/terminus/index.js';
export { BacklogIndicator } from './backlog.indicator.js';
export { HealthController } from './health.controller.js';
export { ProcessIndicator } from './process.indicator.js';
export { StoreIndicator } from './store.indicator.js';
