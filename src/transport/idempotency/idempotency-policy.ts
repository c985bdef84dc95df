import { InvalidOptionError } from '../entry/client-errors.js';
import { checkKnownOptions } from '../entry/known-options.js';
import type { IdempotencyKey } from './idempotency-key.js';
import type { IdempotencyStore } from './idempotency-store.js';

/** Ten years: longer is a mistake. */
const MOST_MS = 315_360_000_000;
const MAX_NAME_LENGTH = 256;

/** Where keys are remembered and for how long. Set for all handlers on the server, and for one with `@Idempotent`. */
export interface IdempotencyDefaults {
  /**
   * Where keys are kept: `redis` next to the stream, or a store such as `PostgresIdempotencyStore`.
   *
   * @defaultValue `redis`
   */
  store?: 'redis' | IdempotencyStore;
  /**
   * Milliseconds for which a key is remembered after its handler succeeded. A duplicate that comes later is handled
   * again, so it must be longer than producers repeat and operators replay; each key takes about 200 bytes meanwhile.
   *
   * @defaultValue 86400000, a day
   */
  windowMs?: number;
}

/** Options of `@Idempotent`. */
export interface IdempotencyOptions extends IdempotencyDefaults {
  /**
   * The handler's name in the markers. Give one before you rename a pattern, else every key counts as new.
   *
   * @defaultValue the pattern
   */
  name?: string;
}

/** Key and options of a handler, as they stand in the extras of its pattern. */
export interface IdempotencyExtra extends IdempotencyOptions {
  /** Finds the key in the payload, see `@Idempotent`. */
  readonly key: IdempotencyKey;
}

/** The options of one handler, checked and complete. */
export interface IdempotencyPolicy {
  readonly key: IdempotencyKey;
  readonly handler: string;
  readonly store: 'redis' | IdempotencyStore;
  readonly windowMs: number;
}

/** The defaults, checked and complete. */
export type ResolvedIdempotencyDefaults = Pick<IdempotencyPolicy, 'store' | 'windowMs'>;

const KNOWN_DEFAULTS: Readonly<Record<keyof IdempotencyDefaults, true>> = { store: true, windowMs: true };
const KNOWN: Readonly<Record<keyof IdempotencyExtra, true>> = { ...KNOWN_DEFAULTS, name: true, key: true };

/**
 * @param where - the path of the options, for the error
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveIdempotencyDefaults(
  options: IdempotencyDefaults,
  where: string,
): ResolvedIdempotencyDefaults {
  checkKnownOptions(options, KNOWN_DEFAULTS, where);
  const { store = 'redis', windowMs = 86_400_000 } = options;
  if (store !== 'redis' && typeof (store as Partial<IdempotencyStore> | null)?.run !== 'function') {
    throw new InvalidOptionError(`${where}.store`, 'must be "redis" or an IdempotencyStore');
  }
  if (!Number.isInteger(windowMs) || windowMs < 1 || windowMs > MOST_MS) {
    throw new InvalidOptionError(
      `${where}.windowMs`,
      `must be a whole number of milliseconds from 1 to ${MOST_MS}, not ${String(windowMs)}`,
    );
  }
  return Object.freeze({ store, windowMs });
}

/**
 * Fills in what the options of a handler leave open.
 *
 * @param where - the path of the options, for the error
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveIdempotencyPolicy(
  options: IdempotencyExtra,
  defaults: ResolvedIdempotencyDefaults,
  pattern: string,
  where: string,
): IdempotencyPolicy {
  checkKnownOptions(options, KNOWN, where);
  const { key, name = pattern } = options;
  if (typeof key !== 'function') {
    throw new InvalidOptionError(`${where}.key`, 'must be a function that finds the key in the payload');
  }
  if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH || !name.isWellFormed()) {
    throw new InvalidOptionError(`${where}.name`, `must be a text of 1 to ${MAX_NAME_LENGTH} characters`);
  }
  const { store = defaults.store, windowMs = defaults.windowMs } = options;
  return Object.freeze({ key, handler: name, ...resolveIdempotencyDefaults({ store, windowMs }, where) });
}
