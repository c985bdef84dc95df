/**
 * Connection exceptions, insufficient resources, a server that shuts down, starts, or lost a process, an I/O error, a
 * server that takes no writes at present (https://www.postgresql.org/docs/current/errcodes-appendix.html). Not among
 * them: a statement that was cancelled (57014), which may have been too slow by itself; a protocol violation (08P01),
 * which is a query with too few parameters as well; a file that is missing (58P01), which a statement may have named.
 */
const STATES = /^(08(?!P01)[0-9A-Z]{3}|53[0-9A-Z]{3}|57P0[1-5]|58(000|030)|25006)$/;

/** What `pg` and its pool say of a link that broke, or that was not to be had, as an `Error` without a class. */
const LOST_LINK =
  /^(Connection terminated( unexpectedly| due to connection timeout)?|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error and is not queryable|Client was closed and is not queryable|Cannot use a pool after calling end on the pool)$/;

/** Whether an error says that PostgreSQL cannot be used at present, as far as `pg` or PostgreSQL itself says so. */
export function isPostgresTrouble(error: Error): boolean {
  const { code, severity, routine } = error as { code?: unknown; severity?: unknown; routine?: unknown };
  // An application may number its errors as it likes: only an answer of PostgreSQL says how severe it is.
  const isAnswer = typeof severity === 'string' || typeof routine === 'string';
  if (isAnswer && typeof code === 'string') return STATES.test(code);
  return error.name === 'Error' && LOST_LINK.test(error.message);
}
