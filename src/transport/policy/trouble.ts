import { DependencyUnavailableError } from '../entry/errors.js';
import { EmitQueueFullError, RedisUnavailableError } from '../entry/client-errors.js';
import { isError } from '../entry/plain-text.js';
import { errorsWithin } from './errors-within.js';
import { refusesForNow } from './retry-after.js';

/**
 * Connection exceptions, insufficient resources, a server that shuts down, starts, or lost a process, an I/O error, a
 * server that takes no writes at present (https://www.postgresql.org/docs/current/errcodes-appendix.html). Not among
 * them: a statement that was cancelled (57014), which may have been too slow by itself; a protocol violation (08P01),
 * which is a query with too few parameters as well; a file that is missing (58P01), which a statement may have named.
 */
const POSTGRES_STATES = /^(08(?!P01)[0-9A-Z]{3}|53[0-9A-Z]{3}|57P0[1-5]|58(000|030)|25006)$/;

/** What `pg` and its pool say of a link that broke, or that was not to be had, as an `Error` without a class. */
const LOST_POSTGRES_LINK =
  /^(Connection terminated( unexpectedly| due to connection timeout)?|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error and is not queryable|Client was closed and is not queryable|Cannot use a pool after calling end on the pool)$/;

/** Whether an error says that PostgreSQL cannot be used at present, as far as `pg` or PostgreSQL itself says so. */
function isPostgresTrouble(error: Error): boolean {
  const { code, severity, routine } = error as { code?: unknown; severity?: unknown; routine?: unknown };
  // An application may number its errors as it likes: only an answer of PostgreSQL says how severe it is.
  const isAnswer = typeof severity === 'string' || typeof routine === 'string';
  if (isAnswer && typeof code === 'string') return POSTGRES_STATES.test(code);
  return error.name === 'Error' && LOST_POSTGRES_LINK.test(error.message);
}

/** A slot is on the move, or has no master right now: nothing was done, and soon it can be. */
export const CLUSTER_CHANGES =
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |Last error: .*(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /;

/** The words with which Redis refuses a command at present, whoever sends it. */
export const REFUSES_FOR_NOW = /^(READONLY|MISCONF|NOREPLICAS|OOM|LOADING|MASTERDOWN|BUSY |UNBLOCKED)/;

/** What ioredis says of a link that broke, or that was never there. */
export const LOST_LINK =
  /Connection is closed|max retries per request|Command aborted|Command timed out|Socket timeout\. Expecting data|Stream isn't writeable|Cluster isn't ready|Cluster is (ended|disconnect)|None of startup nodes|Too many Cluster redirections|slots cache|Node is disconnected|All sentinels are unreachable|Connection is (discarded|aborted)/i;

/** Redis refuses whoever connects: its password was changed, or it has no room for one more. */
const REFUSES_CONNECTION = /^(NOAUTH |WRONGPASS |ERR max number of clients)/;

/** Replies in the words that Redis and Valkey use, since a script may answer anything that begins with `BUSY`. */
const REFUSES_ANYBODY =
  /^(OOM command not allowed|READONLY You can't write|LOADING \w+ is loading|MISCONF |NOREPLICAS Not enough|MASTERDOWN Link with|BUSY \w+ is busy|UNBLOCKED )/;
/** What EXEC says of a transaction that one of them ended. */
const ENDED_BY = /^EXECABORT .*because of: /;

/** What ioredis says as an `Error` without a class of its own, each from its first word to its last. */
const LOST_LINK_WHOLE =
  /^(?:Connection is closed\.|Command timed out|Socket timeout\. Expecting data, but didn't receive any in \d+ms\.|Stream isn't writeable and enableOfflineQueue options is false|Cluster isn't ready and enableOfflineQueue options is false|Cluster is (?:ended|disconnected|disconnecting)\.|Node is disconnected|None of startup nodes is available|Too many Cluster redirections\. Last error: ReplyError: .*|All sentinels are unreachable(?: and retry is disabled\.|\. Retrying from scratch after \d+ms\.)(?: Last error: .*)?|Ready check failed: .*|Command aborted due to connection close)$/s;
const PLAIN_NAMES: ReadonlySet<string> = new Set(['Error', 'AbortError']);
/** Patterns that look for a word anywhere take time with the square of what they look through. */
const LONGEST_REPLY = 2_000;
const OWN_NAMES: ReadonlySet<string> = new Set(['MaxRetriesPerRequestError', 'ClusterAllFailedError']);

/**
 * Whether an error says that Redis cannot be used at present, as far as ioredis or Redis itself says so. An error of a
 * socket is not looked at here: it does not say who connected.
 */
function isRedisTrouble(error: Error): boolean {
  const { name, message } = error;
  if (OWN_NAMES.has(name)) return true;
  if (isReply(error)) {
    const reason = message.slice(0, LONGEST_REPLY).replace(ENDED_BY, '');
    return [CLUSTER_CHANGES, REFUSES_ANYBODY, REFUSES_CONNECTION].some((refusal) => refusal.test(reason));
  }
  return PLAIN_NAMES.has(name) && LOST_LINK_WHOLE.test(message);
}

/** Whether Redis answered it. A minifier may have renamed its class; ioredis notes for which command it was. */
function isReply(error: Error): boolean {
  if (error.name === 'ReplyError') return true;
  const { command } = error as { command?: Partial<Record<'name' | 'args', unknown>> | null };
  return typeof command?.name === 'string' && Array.isArray(command.args);
}

/**
 * What cannot be used at present. `dependency` is whatever a `DependencyUnavailableError` was thrown for, and what says
 * by a code or an HTTP status that it lets nobody in for now.
 */
export type Trouble = 'redis' | 'postgresql' | 'dependency';

/** What the system says of a link that broke, or that could not be made. */
export const LINK_CODES: ReadonlySet<string> = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ENOTFOUND'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL'],
]);
/** Whose link it was stands in the stack alone. */
const CLIENTS: readonly (readonly [RegExp, Trouble])[] = [
  [/[\\/]node_modules[\\/]ioredis[\\/]/, 'redis'],
  [/[\\/]node_modules[\\/]pg(-pool|-native)?[\\/]/, 'postgresql'],
];
const LONGEST_STACK = 20_000;
/**
 * The trouble of Redis, of PostgreSQL or of a declared dependency that an error is made of, also where another error
 * wraps it; and what lets nobody in for now, see {@link refusesForNow}. Other errors are not looked at: whether those say
 * something of the entry only its handler knows.
 *
 * @param errors - one error, or what came out of exception filters and what they were given
 * @returns undefined when there is none; also for what cannot be looked at
 */
export function troubleOf(...errors: readonly unknown[]): Trouble | undefined {
  let declared: Trouble | undefined;
  for (const error of errorsWithin(errors)) {
    const trouble = troubleOfOne(error);
    // What is declared unavailable may be made of an error that says more.
    if (trouble === 'dependency') declared = trouble;
    else if (trouble) return trouble;
  }
  return declared;
}

function troubleOfOne(error: unknown): Trouble | undefined {
  try {
    return (
      (isError(error) ? troubleOfError(error) : undefined) ??
      (refusesForNow(error) ? 'dependency' : undefined)
    );
  } catch {
    return undefined; // Anything can be thrown, also what throws when it is looked at.
  }
}

function troubleOfError(error: Error): Trouble | undefined {
  if (error instanceof RedisUnavailableError || error instanceof EmitQueueFullError) return 'redis';
  if (isRedisTrouble(error)) return 'redis';
  if (isPostgresTrouble(error)) return 'postgresql';
  return brokenLinkOf(error) ?? (error instanceof DependencyUnavailableError ? 'dependency' : undefined);
}

function brokenLinkOf(error: Error): Trouble | undefined {
  if (!('code' in error) || !LINK_CODES.has(String(error.code))) return undefined;
  const stack = (error.stack ?? '').slice(0, LONGEST_STACK);
  return CLIENTS.find(([client]) => client.test(stack))?.[1];
}
