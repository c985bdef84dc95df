import type { Thresholds } from '../health/thresholds.js';

/** Token of the {@link MetricsOptions}. */
export const METRICS_OPTIONS = Symbol('MetricsOptions');

export interface MetricsOptions {
  readonly thresholds: Thresholds;
  /** Milliseconds between two runs of the recovery. */
  readonly recoveryIntervalMs: number;
}
