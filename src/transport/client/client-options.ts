import type { RedisConnectionOptions } from '../broker/connection-options.js';
import { checkConnection } from '../broker/connection.js';
import type { EntryEncoding } from '../protocol/entry-encoder.js';
import { DEFAULT_DEDUP_WINDOW_MS } from '../protocol/idempotency.js';
import { InvalidOptionError } from '../protocol/errors/invalid-option.error.js';
import { checkStreamNames } from '../protocol/stream-key.js';

/** A timer of Node that is set for longer fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Options of {@link RedisStreamsClient}. */
export interface RedisStreamsClientOptions {
  /** Where Redis is. */
  connection: RedisConnectionOptions;
  /**
   * Stream keys by pattern, as the server has them; a pattern that is not listed is its own key.
   *
   * @defaultValue none listed
   */
  streams?: Record<string, string>;
  /**
   * `json` writes the payload into one field and carries headers; `fields` writes each property as a field of the
   * entry, as plain `XADD` does: for consumers that are not ours. It takes flat objects only, and no headers.
   *
   * @defaultValue 'json'
   */
  encoding?: EntryEncoding;
  /**
   * Milliseconds until `emit` fails when Redis is away or silent. Too short turns a failover into errors; too long
   * keeps callers waiting.
   *
   * @defaultValue 2000
   */
  emitTimeoutMs?: number;
  /**
   * Milliseconds during which a repeat of an event with an idempotency key is known. Too short lets a late repeat in as
   * a second entry; too long takes memory for each key.
   *
   * @defaultValue 86400000, a day
   */
  dedupWindowMs?: number;
  /**
   * How many emits may wait for Redis at once; one more fails at once, so that an outage does not fill the memory.
   *
   * @defaultValue 10000
   */
  maxPendingEmits?: number;
}

/**
 * Checks the options and fills in the defaults.
 *
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveClientOptions(
  options: RedisStreamsClientOptions,
): Readonly<Required<RedisStreamsClientOptions>> {
  checkConnection(options.connection);
  checkStreamNames(options.streams ?? {});
  const { encoding = 'json', emitTimeoutMs = 2_000, maxPendingEmits = 10_000 } = options;
  const { dedupWindowMs = DEFAULT_DEDUP_WINDOW_MS } = options;
  if (!['json', 'fields'].includes(encoding)) {
    throw new InvalidOptionError('encoding', `must be "json" or "fields", not "${encoding}"`);
  }
  for (const [option, value] of Object.entries({ emitTimeoutMs, maxPendingEmits, dedupWindowMs })) {
    if (!Number.isInteger(value) || value < 1 || value > LONGEST_TIMER_MS) {
      throw new InvalidOptionError(
        option,
        `must be a whole number from 1 to ${LONGEST_TIMER_MS}, not ${String(value)}`,
      );
    }
  }
  return Object.freeze({
    connection: options.connection,
    streams: { ...options.streams },
    encoding,
    emitTimeoutMs,
    maxPendingEmits,
    dedupWindowMs,
  });
}
