import type { Pool, PoolClient, QueryResult } from 'pg';
import type { PostgresPool } from '../../src/transport/index.js';

/** What a test does to a pool. */
export interface PoolFaults {
  /** Called before a connection is given out; it may throw. */
  readonly connecting?: () => void;
  /** Does a statement in place of the client. */
  readonly query?: (client: PoolClient, text: string, values?: unknown[]) => Promise<QueryResult>;
}

/** A pool whose connections and statements fare as a test wants them to. */
export function faultyPool(
  pool: Pool,
  { connecting = () => undefined, query = (client, text, values) => client.query(text, values) }: PoolFaults,
): PostgresPool {
  return {
    connect: async () => {
      connecting();
      const client = await pool.connect();
      return {
        query: (text, values) => query(client, text, values),
        on: (event, listener) => client.on(event, listener),
        removeListener: (event, listener) => client.removeListener(event, listener),
        release: (destroy) => client.release(destroy),
      };
    },
  };
}
