// What stands on optional packages, loaded together.
export { MetricsController } from './metrics.controller.js';
export { ServiceMetrics } from './service-metrics.js';
