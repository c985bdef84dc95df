/**
 * Connection exceptions, insufficient resources, a server that shuts down, starts, or lost a process, system errors, a
 * standby that takes no writes (https://www.postgresql.org/docs/current/errcodes-appendix.html). A statement that was
 * cancelled (57014) is not among them: it may have been too slow by itself.
 */
const STATES = /^(08[0-9A-Z]{3}|53[0-9A-Z]{3}|57P0[1-5]|58[0-9A-Z]{3}|25006)$/;

/** What `pg` and its pool say of a link that broke, or that was not to be had. */
const LOST_LINK =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired$|Client has encountered a connection error|Client was closed and is not queryable|Cannot use a pool after calling end)/;

/** Whether an error says that PostgreSQL cannot be used at present, as far as `pg` or PostgreSQL itself says so. */
export function isPostgresTrouble(error: Error): boolean {
  const code: unknown = 'code' in error ? error.code : undefined;
  return (typeof code === 'string' && STATES.test(code)) || LOST_LINK.test(error.message);
}
