import { Attempt } from './postgres-attempt.js';
import type { PostgresClient } from './postgres-link.js';

/** How long PostgreSQL may take on another connection to say what a silent one is at, in milliseconds. */
export const LOOK_MS = 2_000;

/** The handler ended well, and a statement of its own goes on that it did not wait for. */
export class UnawaitedStatementError extends Error {
  override readonly name = 'UnawaitedStatementError';

  constructor(cause: unknown) {
    super('The handler ended while PostgreSQL was at a statement of its: await each query', { cause });
  }
}

const CANCEL = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND state = 'active'`;

/**
 * Asks on another connection why one is silent, and cancels the statement that PostgreSQL still runs on it. One that is
 * not at a statement has lost its link: that is nobody's doing.
 *
 * @param connect - gives a connection within {@link LOOK_MS}
 * @returns whether it was at a statement
 */
export async function cancelSilent(
  { processID }: PostgresClient,
  connect: () => Promise<PostgresClient>,
): Promise<boolean> {
  if (processID === undefined) return false;
  try {
    const other = new Attempt(await connect());
    try {
      const { rows } = await other.askFor(LOOK_MS, 'Cancelling a statement', CANCEL, [processID]);
      return rows.length > 0;
    } finally {
      other.release();
    }
  } catch {
    return false; // PostgreSQL itself is silent, or no connection is free.
  }
}
