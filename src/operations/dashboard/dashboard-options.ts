import type { RedisConnectionOptions } from '../../transport/index.js';

/** Token of the {@link DashboardOptions}. */
export const DASHBOARD_OPTIONS = Symbol('DashboardOptions');

export interface DashboardOptions {
  /** The Redis through which the processes tell each other. */
  readonly connection: RedisConnectionOptions;
  /** The pattern beside whose stream the processes tell each other what they did. */
  readonly pattern: string;
}
