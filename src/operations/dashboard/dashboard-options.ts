import type { RedisConnectionOptions } from '../../transport/index.js';

/** Token of the {@link DashboardOptions}. */
export const DASHBOARD_OPTIONS = Symbol('DashboardOptions');

/** Where the processes of an application learn what the others did. */
export interface DashboardOptions {
  /** The Redis through which the processes report to each other. */
  readonly connection: RedisConnectionOptions;
  /** The pattern whose stream the processes report next to what they did. */
  readonly pattern: string;
}
