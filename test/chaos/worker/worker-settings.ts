import type { RedisConnectionOptions } from '../../../src/transport/index.js';

/** Where a worker of `inbox-worker.ts` has its effects. */
export const EFFECT_TABLE = 'effects';

/** What a worker is told. */
export interface WorkerSettings {
  readonly connection: RedisConnectionOptions;
  readonly stream: string;
  readonly directory: string;
  readonly slot: number;
  readonly ackWaitMs: number;
  readonly recoveryIntervalMs: number;
  readonly maxInFlight: number;
  readonly maxRetries: number;
  readonly backoffMs: number;
  readonly retentionMaxEntries: number;
  /** How long a plain handler takes. */
  readonly handlerMs: number;
  /** The PostgreSQL of a worker that has its effect there. */
  readonly databaseUrl?: string;
  /** A bug to be caught. */
  readonly bug?: string;
}
