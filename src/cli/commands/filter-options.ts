import type { Command } from 'commander';

/** Which dead letters are meant. */
export interface FilterOptions {
  readonly reason?: string;
  readonly orderId?: string;
  readonly since?: string;
  readonly until?: string;
}

/** Adds the options that choose dead letters. */
export function withFilter(command: Command): Command {
  return command
    .option('--reason <reason>', 'only those with this reason, such as retries-exhausted')
    .option('--order-id <id>', 'only those of this order')
    .option('--since <time>', 'only those from this time on (ISO 8601)')
    .option('--until <time>', 'only those up to this time (ISO 8601)');
}

/** The options that choose, of all that a command has. */
export function filterIn({ reason, orderId, since, until }: FilterOptions): FilterOptions {
  return {
    ...(reason !== undefined && { reason }),
    ...(orderId !== undefined && { orderId }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  };
}
