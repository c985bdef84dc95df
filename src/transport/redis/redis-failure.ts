import { FunctionsMissingError, MissingPermissionError } from '../entry/client-errors.js';
import { CLUSTER_CHANGES, LOST_LINK, REFUSES_FOR_NOW, LINK_CODES } from '../policy/trouble.js';

/** The ways in which Redis fails a command, as far as they call for different answers. */
export type RedisFailure =
  | 'group-missing'
  | 'group-exists'
  | 'wrong-type'
  /** The last id of the stream is the largest: no entry can follow it. */
  | 'stream-full'
  | 'refuses-writes'
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
  [CLUSTER_CHANGES, 'cluster-changes'],
  [/^WRONGTYPE/, 'wrong-type'],
  [REFUSES_FOR_NOW, 'refuses-writes'],
  [/^ERR The stream has exhausted the last possible ID/, 'stream-full'],
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

/** Says which failure an error of ioredis is. */
export function failureOf(error: unknown): RedisFailure {
  if (error instanceof MissingPermissionError) return 'no-permission';
  if (error instanceof FunctionsMissingError) return 'functions-missing';
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, failure] of FAILURES) {
    if (pattern.test(message)) return failure;
  }
  return LOST_LINK.test(message) || LINK_CODES.has(codeOf(error, message)) ? 'unreachable' : 'other';
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

/** The code that the system gave, or its word in the message. */
function codeOf(error: unknown, message: string): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return code || (/\bE[A-Z_]{4,}\b/.exec(message)?.[0] ?? '');
}
