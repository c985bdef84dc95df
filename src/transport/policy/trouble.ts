import { DependencyUnavailableError } from '../protocol/errors/dependency-unavailable.error.js';
import { EmitQueueFullError } from '../protocol/errors/emit-queue-full.error.js';
import { RedisUnavailableError } from '../protocol/errors/redis-unavailable.error.js';
import { isPostgresTrouble } from './postgres-trouble.js';
import { isRedisTrouble } from './redis-trouble.js';

/** What cannot be used at present. `dependency` is whatever a `DependencyUnavailableError` was thrown for. */
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
/** An error may hold others, and itself. */
const MOST_ERRORS = 64;
/** Where libraries keep the error that they wrap; `lastNodeError` and `previousErrors` are those of ioredis. */
const INNER = ['cause', 'driverError', 'original', 'parent', 'lastNodeError'] as const;
const INNER_LISTS = ['errors', 'previousErrors'] as const;

type Holder = Partial<Record<(typeof INNER)[number] | (typeof INNER_LISTS)[number] | 'getError', unknown>>;

/**
 * The trouble of Redis, of PostgreSQL or of a declared dependency that an error is made of, also where another error
 * wraps it. Other clients' errors are not looked at: whether those say something of the entry only its handler knows.
 *
 * @returns undefined when there is none; also for what cannot be looked at
 */
export function troubleOf(error: unknown): Trouble | undefined {
  const seen = new Set<unknown>([error]);
  let declared: Trouble | undefined;
  try {
    // What is added while it is walked is walked too.
    for (const next of seen) {
      const trouble = troubleOfOne(next);
      // What is declared unavailable may be made of an error that says more.
      if (trouble === 'dependency') declared = trouble;
      else if (trouble) return trouble;
      for (const inner of innerOf(next)) if (seen.size < MOST_ERRORS) seen.add(inner);
    }
  } catch {
    // Anything can be thrown, also what throws when it is looked at.
  }
  return declared;
}

function troubleOfOne(error: unknown): Trouble | undefined {
  if (!(error instanceof Error)) return undefined;
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

function innerOf(error: unknown): unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const holder = error as Holder;
  const lists = INNER_LISTS.flatMap((name) => {
    const list = holder[name];
    return Array.isArray(list) ? (list as readonly unknown[]) : [];
  });
  // What Nest's `RpcException` was made of.
  const { getError } = holder;
  const given = typeof getError === 'function' ? (Reflect.apply(getError, holder, []) as unknown) : undefined;
  return [...INNER.map((name) => holder[name]), ...lists, given].filter(
    (inner) => typeof inner === 'object' && inner !== null,
  );
}
