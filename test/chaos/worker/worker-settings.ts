import type { RedisConnectionOptions } from '../../../src/transport/index.js';

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
  /** A bug to be caught. */
  readonly bug?: string;
}
