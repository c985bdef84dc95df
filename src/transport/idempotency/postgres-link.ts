import { setTimeout as delay } from 'node:timers/promises';
import { DependencyUnavailableError } from '../entry/errors.js';
import { isError, plainText, read } from '../entry/plain-text.js';
import { describeThrown } from '../entry/thrown.js';

/** A step took too long; it goes on, and may still take further ones. */
export class TookTooLongError extends Error {
  override readonly name = 'TookTooLongError';
}

/** @throws TookTooLongError when a step takes longer; the step goes on, and what becomes of it is nobody's concern then */
export async function within<T>(ms: number, what: string, step: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const tooLate = delay(ms, undefined, { signal: limit.signal }).then(() => {
    throw new TookTooLongError(`${what} took longer than ${ms} ms`);
  });
  tooLate.catch(() => undefined);
  step.catch(() => undefined);
  try {
    return await Promise.race([step, tooLate]);
  } finally {
    limit.abort();
  }
}

/** @throws the signal's reason when it aborts before a step ends */
export async function unlessAborted<T>(signal: AbortSignal, step: Promise<T>): Promise<T> {
  step.catch(() => undefined);
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([step, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** What is used of a `pg` client. */
export interface PostgresClient {
  /** Of the process that serves the connection; a `pg` client has it. */
  readonly processID?: number | undefined;
  /** Sends a statement. */
  query(
    text: string,
    values?: unknown[],
  ): Promise<{
    readonly rowCount: number | null;
    readonly command: string;
    readonly rows: readonly unknown[];
  }>;
  /** Listens for a link that breaks. */
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** Ends that. */
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /**
   * Gives it back to its pool.
   *
   * @param destroy - ends the connection instead of giving it back
   */
  release(destroy?: boolean): void;
}

/** What is used of a `pg` pool; `new Pool(…)` fits. */
export interface PostgresPool {
  /** Takes a client, or waits for one. */
  connect(): Promise<PostgresClient>;
  /** Called when an idle connection breaks; without a listener of its own that would end the process. */
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

const heard = new WeakSet<PostgresPool>();

/** An idle connection that breaks is replaced by the pool: that must not end the process. */
export function surviveIdleBreaks(pool: PostgresPool): void {
  if (heard.has(pool)) return;
  heard.add(pool);
  pool.on?.('error', () => undefined);
}

/** Ends a connection, also to a server that stands still: a `pg` client would wait for its farewell. */
export function endConnection(client: PostgresClient): void {
  client.release(true);
  const { connection } = client as { connection?: { stream?: { destroy?: () => void } } };
  connection?.stream?.destroy?.();
}

/** No code of PostgreSQL or of the system is longer. */
const LONGEST_CODE = 64;

/** Codes of PostgreSQL have a digit, which sets them apart from `EPIPE`. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** Whether PostgreSQL itself said this; what else goes wrong with a statement is the way there, or nobody knows. */
export function isAnswer(error: unknown): boolean {
  return SQLSTATE.test(codeOf(error));
}

/** What is logged of it: an error for several addresses has no message of its own. */
export function unavailable(error: unknown): DependencyUnavailableError {
  return new DependencyUnavailableError(
    `PostgreSQL cannot be used at present: ${describeThrown(error).message}`,
    {
      cause: error,
    },
  );
}

/** The SQLSTATE of an error of PostgreSQL, or what the system calls an error; empty for any other. */
export function codeOf(error: unknown): string {
  return isError(error) ? plainText(read(error, 'code') ?? '', LONGEST_CODE) : '';
}
