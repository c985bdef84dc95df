import { DependencyUnavailableError } from '../protocol/errors/dependency-unavailable.error.js';

/** Codes of PostgreSQL have a digit, which sets them apart from `EPIPE`. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;
/**
 * Connection exceptions, insufficient resources, operator intervention, system errors, a standby that takes no writes
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const TROUBLE = /^(08|53|57|58)|^25006$/;
/** The server ends the connection, for a reason of its own: it shuts down, another backend crashed, it starts. */
const ENDED_BY_SERVER = /^(08|57P0[1-3])/;

/** Whether PostgreSQL itself said this; what else goes wrong with a statement is the way there, or nobody knows. */
export function isAnswer(error: unknown): boolean {
  return SQLSTATE.test(codeOf(error));
}

/** Whether the trouble is that of PostgreSQL or of the way there, whatever was asked. */
export function isTrouble(error: unknown): boolean {
  return !isAnswer(error) || TROUBLE.test(codeOf(error));
}

/** Whether PostgreSQL ended the connection of its own accord, and said so; also when an ORM wrapped it. */
export function isEndedByServer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ENDED_BY_SERVER.test(codeOf(error)) || isEndedByServer(error.cause);
}

/** What is logged of it: an error for several addresses has no message of its own. */
export function unavailable(error: unknown): DependencyUnavailableError {
  return new DependencyUnavailableError(`PostgreSQL cannot be used at present: ${messageOf(error)}`, {
    cause: error,
  });
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
