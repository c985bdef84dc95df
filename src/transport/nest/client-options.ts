import type { RedisConnectionOptions } from '../redis/links/connection-options.js';
import { checkConnection } from '../redis/links/check-connection.js';
import { resolveLogLevel } from '../observe/log-option.js';
import type { TransportLogLevel } from '../observe/log.js';
import type { WaitReplicas } from '../redis/publisher/replicated-writes.js';
import type { EntryEncoding } from '../entry/encode.js';
import { DEFAULT_DEDUP_WINDOW_MS, checkStreamNames } from '../entry/names.js';
import { InvalidOptionError } from '../entry/client-errors.js';
import { checkKnownOptions } from '../entry/known-options.js';

/** A timer of Node that is set for longer fires at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

const DEFAULT_MAX_PENDING_BYTES = 67_108_864;

/** More than anybody has. */
const MOST_REPLICAS = 100;

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
   * Milliseconds until `emit` fails when Redis is unavailable or silent. Too short turns a failover into errors; too long
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
   * How many emits may wait while Redis is unavailable; one more fails at once with {@link EmitQueueFullError}. Too few
   * refuses what a short failover would have let through; too many end by `emitTimeoutMs` all together. While Redis is
   * available, `maxPendingBytes` alone counts.
   *
   * @defaultValue 10000
   */
  maxPendingEmits?: number;
  /**
   * How many bytes all emits that wait or are under way may take, about; one more fails at once with
   * {@link EmitQueueFullError}. An event that is larger is taken when nothing else waits. Too low refuses bursts that
   * Redis would take within `emitTimeoutMs`; too high lets them fill the memory.
   *
   * @defaultValue 67108864, 64 MiB
   */
  maxPendingBytes?: number;
  /**
   * Confirms an event only when replicas have it too: what is confirmed survives the loss of the master, as far as a
   * replica that has it is promoted. An event that they do not confirm in time fails with {@link NotReplicatedError}.
   * Costs the way to the replicas once for all events that are under way together.
   *
   * @defaultValue not waited for: what the master confirmed and its replicas do not have is lost with it
   */
  waitReplicas?: WaitReplicas;
  /**
   * What is written to the application's log, through Nest's `Logger`, of emits that failed and whose result nobody
   * asked for: the first of each pattern and error in full, how many more within a minute, never a payload. It is
   * written as an error, so any level shows it; with `false` they are lost in silence.
   *
   * @defaultValue 'debug'
   */
  log?: TransportLogLevel | false;
}

/** The options, checked and complete. */
export type ResolvedClientOptions = Readonly<
  Required<Omit<RedisStreamsClientOptions, 'waitReplicas'>> & Pick<RedisStreamsClientOptions, 'waitReplicas'>
>;

const KNOWN: Readonly<Record<keyof RedisStreamsClientOptions, true>> = {
  connection: true,
  streams: true,
  encoding: true,
  emitTimeoutMs: true,
  dedupWindowMs: true,
  maxPendingEmits: true,
  maxPendingBytes: true,
  waitReplicas: true,
  log: true,
};
const KNOWN_WAIT: Readonly<Record<keyof WaitReplicas, true>> = { count: true, timeoutMs: true };

/**
 * Checks the options and fills in the defaults.
 *
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveClientOptions(options: RedisStreamsClientOptions): ResolvedClientOptions {
  checkKnownOptions(options, KNOWN);
  checkConnection(options.connection);
  checkStreamNames(options.streams ?? {});
  const { encoding = 'json', emitTimeoutMs = 2_000, maxPendingEmits = 10_000, waitReplicas } = options;
  const log = resolveLogLevel(options.log);
  const { maxPendingBytes = DEFAULT_MAX_PENDING_BYTES } = options;
  const { dedupWindowMs = DEFAULT_DEDUP_WINDOW_MS } = options;
  if (!['json', 'fields'].includes(encoding)) {
    throw new InvalidOptionError('encoding', `must be "json" or "fields", not "${encoding}"`);
  }
  for (const [option, value] of Object.entries({ emitTimeoutMs, maxPendingEmits, dedupWindowMs })) {
    checkWhole(option, value, LONGEST_TIMER_MS);
  }
  checkWhole('maxPendingBytes', maxPendingBytes, Number.MAX_SAFE_INTEGER);
  if (waitReplicas) {
    checkKnownOptions(waitReplicas, KNOWN_WAIT, 'waitReplicas');
    checkWhole('waitReplicas.count', waitReplicas.count, MOST_REPLICAS);
    // Without time left, an emit would fail before it is known whether its entry is safe.
    checkWhole('waitReplicas.timeoutMs', waitReplicas.timeoutMs, emitTimeoutMs - 1);
  }
  return Object.freeze({
    connection: options.connection,
    streams: { ...options.streams },
    encoding,
    emitTimeoutMs,
    maxPendingEmits,
    maxPendingBytes,
    dedupWindowMs,
    log,
    ...(waitReplicas && { waitReplicas: Object.freeze({ ...waitReplicas }) }),
  });
}

function checkWhole(option: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new InvalidOptionError(option, `must be a whole number from 1 to ${most}, not ${String(value)}`);
  }
}
