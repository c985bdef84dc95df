/** Token of the {@link DashboardOptions}. */
export const DASHBOARD_OPTIONS = Symbol('DashboardOptions');

export interface DashboardOptions {
  /** The pattern beside whose stream the processes tell each other what they did. */
  readonly pattern: string;
}
