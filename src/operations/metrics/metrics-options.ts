import type { Thresholds } from '../health/thresholds.js';

/** Token of the {@link MetricsOptions}. */
export const METRICS_OPTIONS = Symbol('MetricsOptions');

/** What the metrics are measured against. */
export interface MetricsOptions {
  /** The thresholds of the alerts, as gauges; those of the {@link HealthModule}. */
  readonly thresholds: Thresholds;
  /** Milliseconds between two runs of the recovery. */
  readonly recoveryIntervalMs: number;
}
