// Nest's decorators need it as soon as they are loaded, whatever an application imports first.
import 'reflect-metadata';

export type { AccessOptions } from './access/access-options.js';
export { AccessModule } from './access/access.module.js';
export { OperatorName } from './access/operator.decorator.js';
export { NeedsScope, type Scope } from './access/scope.js';
export type { DashboardOptions } from './dashboard/dashboard-options.js';
export { DashboardModule } from './dashboard/dashboard.module.js';
export { servePage, type StaticAssets } from './dashboard/serve-page.js';
export { DeadLettersModule } from './dead-letters/dead-letters.module.js';
export { HealthModule } from './health/health.module.js';
export { StoreCheck, type StoreProblem } from './health/store-check.js';
export type { Thresholds } from './health/thresholds.js';
export { HttpErrorFilter } from './http/http-error.filter.js';
export { StoreUnavailableError } from './http/store-unavailable.error.js';
export type { MetricsOptions } from './metrics/metrics-options.js';
export { MetricsModule } from './metrics/metrics.module.js';
export type { StreamsOptions } from './streams/streams-options.js';
export { StreamsModule } from './streams/streams.module.js';
