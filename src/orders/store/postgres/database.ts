import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool, type PoolConfig } from 'pg';
import type { OrdersDatabase } from './schema.js';

/** Where the orders are, and how many connections a process may use. */
export interface DatabaseOptions {
  /** `postgres://` or `postgresql://`. */
  readonly url: string;
  readonly poolSize: number;
}

/** In milliseconds; an HTTP caller is answered within three seconds. */
const CONNECT_MS = 1_500;
/** At start nobody waits for an answer, and a database that starts with the service may be slow. */
const PATIENT_CONNECT_MS = 15_000;
const LOCK_MS = 1_000;
const STATEMENT_MS = 2_000;
/** Longer than a server that lives is silent while something is asked of it: the link is dead. */
const SILENCE_MS = 4_000;
/** A connection that nobody uses is silent too: it is ended before its link is taken for dead. */
const IDLE_MS = SILENCE_MS / 2;
/** As {@link SILENCE_MS}, for a migration, which may wait for that of another process. */
const PATIENT_SILENCE_MS = 120_000;
/** Longest that closing waits for connections to end, which a server that stands still does not answer. */
const CLOSE_MS = 1_000;
/** A process that stands still in a transaction must not keep others from the row for ever. */
const IDLE_IN_TRANSACTION_MS = 5_000;

/** Opens a pool; a connection is made when one is needed. */
export function openDatabase({ url, poolSize }: DatabaseOptions): Kysely<OrdersDatabase> {
  return kyselyOn({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    lock_timeout: LOCK_MS,
    statement_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    stream: () => impatientSocket(SILENCE_MS),
  });
}

/** As {@link openDatabase}, for one who may have to wait: migrations wait for those of another process. */
export function openPatientDatabase(url: string): Kysely<OrdersDatabase> {
  return kyselyOn({
    ...{ connectionString: url, max: 2, connectionTimeoutMillis: PATIENT_CONNECT_MS },
    stream: () => impatientSocket(PATIENT_SILENCE_MS),
  });
}

/** Ends a pool, but does not wait for a server that stands still. */
export async function closeDatabase(db: Kysely<OrdersDatabase>): Promise<void> {
  const limit = new AbortController();
  const closed = db.destroy();
  closed.catch(() => undefined);
  try {
    await Promise.race([closed, delay(CLOSE_MS, undefined, { signal: limit.signal, ref: false })]);
  } finally {
    limit.abort();
  }
}

function kyselyOn(config: PoolConfig): Kysely<OrdersDatabase> {
  const pool = new Pool({ application_name: 'order-streams', keepAlive: true, ...config });
  const logger = new Logger('PostgreSQL');
  const noteLoss = (error: Error): void => logger.debug('Lost a connection', { reason: error.message });
  // A connection that breaks is replaced. Without a listener it would end the process: one that lies idle through the
  // pool, one that is lent by itself, and the pool listens to that one only while it lies idle.
  pool.on('error', noteLoss);
  pool.on('connect', (client) => client.on('error', noteLoss));
  return new Kysely<OrdersDatabase>({ dialect: new PostgresDialect({ pool }) });
}

function impatientSocket(silenceMs: number): Socket {
  const socket = new Socket();
  return socket.setTimeout(silenceMs, () => {
    socket.destroy(new Error(`PostgreSQL was silent for ${silenceMs} ms`));
  });
}
