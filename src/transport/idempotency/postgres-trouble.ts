import { DependencyUnavailableError } from '../protocol/errors/dependency-unavailable.error.js';

/** Codes of PostgreSQL have a digit, which sets them apart from `EPIPE`. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** Whether PostgreSQL itself said this; what else goes wrong with a statement is the way there, or nobody knows. */
export function isAnswer(error: unknown): boolean {
  return SQLSTATE.test(codeOf(error));
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

/** The SQLSTATE of an error of PostgreSQL, or what the system calls an error; empty for any other. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
