import type { Server } from 'node:http';

/** How long a connection may take, in milliseconds. */
export interface ConnectionLimits {
  /** From the connection, or the answer before, until all headers are there. */
  readonly headersTimeout: number;
  /** Until the whole request is there. */
  readonly requestTimeout: number;
  /** How long an idle connection is kept for the next request. */
  readonly keepAliveTimeout: number;
  /** How often Node looks for requests that are late. */
  readonly connectionsCheckingInterval: number;
}

const LIMITS: ConnectionLimits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};

/** Keeps callers that send slowly, or nothing, from holding all connections. To be called before the server listens. */
export function limitConnections(server: Server, limits = LIMITS): void {
  Object.assign(server, limits);
}
