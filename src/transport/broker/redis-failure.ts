import { FunctionsMissingError } from '../protocol/errors/functions-missing.error.js';
import { MissingPermissionError } from '../protocol/errors/missing-permission.error.js';

/** The ways in which Redis fails a command, as far as they call for different answers. */
export type RedisFailure =
  | 'group-missing'
  | 'group-exists'
  | 'wrong-type'
  | 'refuses-writes'
  /** The slot is on the move, or has no master right now: nothing was done, and soon it can be. */
  | 'cluster-changes'
  | 'no-permission'
  | 'unusable-writes'
  | 'function-missing'
  /** This Redis has no Functions at all. */
  | 'functions-missing'
  | 'library-exists'
  | 'unreachable'
  | 'other';

const FAILURES: readonly (readonly [RegExp, RedisFailure])[] = [
  // Redis 7.0 when a blocked read loses its stream or its group, 7.2 and later, and Valkey.
  [/^(NOGROUP|UNBLOCKED the stream key no longer exists)/, 'group-missing'],
  [/^BUSYGROUP/, 'group-exists'],
  [/^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) |Last error: .*(MOVED|ASK|TRYAGAIN|CLUSTERDOWN) /, 'cluster-changes'],
  [/^WRONGTYPE/, 'wrong-type'],
  [/^(READONLY|MISCONF|NOREPLICAS|OOM|LOADING|MASTERDOWN|BUSY |UNBLOCKED)/, 'refuses-writes'],
  [/^(NOPERM|NOAUTH|WRONGPASS)|ACL failure in script|executing the script can't/, 'no-permission'],
  [/^UNUSABLE/, 'unusable-writes'],
  [/^ERR Function not found/, 'function-missing'],
  // Redis before 7.0, one that renamed the commands, and what hosted ones say of commands that they do not offer.
  [
    /^ERR [^'`"]*(unknown|not (available|supported|allowed|permitted)|unsupported|disabled)[^'`"]*['`" ](fcall|function)\b/i,
    'functions-missing',
  ],
  [/^ERR Library '.*' already exists/, 'library-exists'],
];

const LOST_LINK =
  /Connection is closed|max retries per request|Command aborted|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|Stream isn't writeable|Cluster isn't ready|Cluster is ended|None of startup nodes|slots cache/i;

/** Says which failure an error of ioredis is. */
export function failureOf(error: unknown): RedisFailure {
  if (error instanceof MissingPermissionError) return 'no-permission';
  if (error instanceof FunctionsMissingError) return 'functions-missing';
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, failure] of FAILURES) {
    if (pattern.test(message)) return failure;
  }
  return LOST_LINK.test(message) || LOST_LINK.test(codeOf(error)) ? 'unreachable' : 'other';
}

/**
 * Whether Redis refuses this one command for what it asks, such as a key that this user may not touch; it would refuse
 * it again. Anything else is trouble that may pass.
 */
export function isAboutCommand(error: unknown): boolean {
  const failure = failureOf(error);
  if (failure === 'other') return true;
  return failure === 'no-permission' && error instanceof Error && /^NOPERM .*\bkeys?\b/.test(error.message);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
