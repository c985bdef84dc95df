import { hostname } from 'node:os';
import { randomBytes } from 'node:crypto';
import type { RedisConnectionOptions } from '../redis/links/connection-options.js';
import { checkConnection } from '../redis/links/check-connection.js';
import {
  resolveIdempotencyDefaults,
  type IdempotencyDefaults,
  type ResolvedIdempotencyDefaults,
} from '../idempotency/idempotency-policy.js';
import { resolveLogOption, type ResolvedLogOption, type TransportLogOption } from '../observe/log-option.js';
import {
  checkLongestBackoff,
  DEFAULT_RETRY_POLICY,
  resolveRetryPolicy,
  type RetryOptions,
  type RetryPolicy,
} from '../policy/retry-policy.js';
import { InvalidOptionError } from '../entry/client-errors.js';
import { checkKnownOptions } from '../entry/known-options.js';
import { checkStreamNames } from '../entry/names.js';
import type { BigNumbers } from '../entry/payload-json.js';
import { resolveRetention, type Retention, type RetentionOptions } from '../lifecycle/retention.js';

/** Ten years: longer is a mistake. */
const MOST_MS = 315_360_000_000;

/**
 * Limits on streams that follow-up events go to. They hold only while the stream has no group, and never for a
 * dead-letter stream: with a group, retention of its consumers trims what every group is done with.
 */
export interface FollowUpOptions {
  /**
   * Milliseconds after which an event that no group waits for is removed. Too short loses what a group that is made
   * later should begin with; too long takes memory.
   *
   * @defaultValue 86400000, a day
   */
  maxAgeMs?: number;
  /**
   * Length beyond which the oldest events are removed, approximately.
   *
   * @defaultValue 1000000
   */
  maxEntries?: number;
}

/** Options of {@link RedisStreamsServer}. */
export interface RedisStreamsServerOptions {
  /** Where Redis is. Redis 7.0 or later, or Valkey. */
  connection: RedisConnectionOptions;
  /**
   * The consumer group. All processes that share the work use the same name; another name gets every entry again.
   * Names that begin with `@` are reserved.
   */
  group: string;
  /**
   * First part of this process's consumer name; a random suffix is always added, since two processes with one name
   * would take each other's entries for their own.
   *
   * @defaultValue the host name
   */
  consumerName?: string;
  /**
   * Stream keys by pattern. A pattern that is not listed is its own key. Relatives follow: with `orders: 'shop'`,
   * the pattern `orders.DLT` reads `shop.DLT`.
   *
   * @defaultValue none listed
   */
  streams?: Record<string, string>;
  /**
   * How many handlers run at once in this process, over all streams. Too few leave a handler that waits for
   * something (a database, an HTTP call) idle; too many take memory and make each one slower. A quarter is kept for
   * patterns that do not use it, one slot each at least, so that handlers of one that hang do not stop the others; the
   * rest is lent to whoever has work. `@EventPattern('orders', { maxInFlight: 4 })` bounds one pattern.
   *
   * @defaultValue 128
   */
  maxInFlight?: number;
  /**
   * Milliseconds after which an entry that its process says nothing about counts as abandoned and is given to another
   * one. Running entries are kept fresh, however long they take. Too short takes entries from a process that merely
   * paused (they run twice); too long leaves the entries of a dead process waiting. The largest value of all the
   * group's processes holds.
   *
   * @defaultValue 30000
   */
  ackWaitMs?: number;
  /**
   * Milliseconds between two runs of the recovery. It bounds how much later than due a retry begins; short costs Redis
   * a few commands each time.
   *
   * @defaultValue 1000
   */
  recoveryIntervalMs?: number;
  /**
   * Longest time in milliseconds that an entry may wait for a retry, whoever asks for it. A due time further off is
   * taken for a clock that jumped, and counts as due.
   *
   * @defaultValue 86400000, a day
   */
  maxRetryDelayMs?: number;
  /**
   * For how long in milliseconds an entry is put off, uncharged, because Redis, PostgreSQL or something else that its
   * handler needs cannot be used: the delays that it was put off for, and its runs in between, taken together. From
   * then on its attempts are charged, and it is dead-lettered when they are used up. Too short dead-letters good entries
   * in a long outage, and 0 at once; too long lets an entry whose handler names its own failure an outage go round.
   *
   * @defaultValue 86400000, a day
   */
  maxPutOffMs?: number;
  /** How failures are treated, for handlers that do not say otherwise with `@Retry`. */
  retry?: RetryOptions;
  /** How long entries stay that every group is done with. */
  retention?: RetentionOptions;
  /** Where idempotency keys are kept, for handlers with `@Idempotent` that do not say otherwise. */
  idempotency?: IdempotencyDefaults;
  /** How much is kept of a stream that `context.commit` emits to and that no group reads. */
  followUps?: FollowUpOptions;
  /**
   * Largest entry that is given to a handler, in bytes of all names and values together. Too small refuses honest
   * entries; too large lets one entry block the process while it is parsed.
   *
   * @defaultValue 262144
   */
  maxEntryBytes?: number;
  /**
   * What JSON numbers of a payload become that are beyond 2^53 - 1, such as 64-bit ids that Java, Go or Python write:
   * their digits as a `string`, or a `bigint` (one with a fraction is a string then too). Numbers below that, and those
   * with an exponent, stay numbers, so a member may come as either. Without it such a number is rounded to the nearest
   * one that JavaScript has, and two ids may become one; `context.getRawPayload()` has the digits in any case. A `bigint`
   * cannot be written with `JSON.stringify`, nor emitted as JSON.
   *
   * @defaultValue undefined: rounded, as by `JSON.parse`
   */
  bigNumbers?: BigNumbers;
  /**
   * How long, in milliseconds, handlers may go on after shutdown began. What has not finished by then stays pending
   * and is delivered again. Keep it below the time after which your platform kills the process.
   *
   * @defaultValue 10000
   */
  shutdownGraceMs?: number;
  /**
   * What the transport writes to the application's log: each kind of failure once a minute in full, with how many more
   * there were; what is dead-lettered, put off or lost, and why. The least urgent level, or `false` for nothing.
   *
   * @defaultValue 'debug': everything; Nest's own log levels decide what is shown
   */
  log?: TransportLogOption;
}

/** The options, checked and complete. */
export interface ResolvedServerOptions {
  readonly connection: RedisConnectionOptions;
  readonly group: string;
  /** This process's consumer name, suffix included. */
  readonly consumer: string;
  readonly streams: Readonly<Record<string, string>>;
  readonly maxInFlight: number;
  readonly ackWaitMs: number;
  readonly recoveryIntervalMs: number;
  readonly maxRetryDelayMs: number;
  readonly maxPutOffMs: number;
  readonly retry: RetryPolicy;
  readonly retention: Retention;
  readonly idempotency: ResolvedIdempotencyDefaults;
  readonly followUps: Readonly<Required<FollowUpOptions>>;
  readonly maxEntryBytes: number;
  readonly bigNumbers: BigNumbers | undefined;
  readonly shutdownGraceMs: number;
  readonly log: ResolvedLogOption;
}

const KNOWN: Readonly<Record<keyof RedisStreamsServerOptions, true>> = {
  connection: true,
  group: true,
  consumerName: true,
  streams: true,
  maxInFlight: true,
  ackWaitMs: true,
  recoveryIntervalMs: true,
  maxRetryDelayMs: true,
  maxPutOffMs: true,
  retry: true,
  retention: true,
  idempotency: true,
  followUps: true,
  maxEntryBytes: true,
  bigNumbers: true,
  shutdownGraceMs: true,
  log: true,
};
const KNOWN_FOLLOW_UPS: Readonly<Record<keyof FollowUpOptions, true>> = { maxAgeMs: true, maxEntries: true };

/**
 * Checks the options and fills in the defaults.
 *
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveServerOptions(options: RedisStreamsServerOptions): ResolvedServerOptions {
  checkKnownOptions(options, KNOWN);
  checkKnownOptions(options.followUps ?? {}, KNOWN_FOLLOW_UPS, 'followUps');
  checkConnection(options.connection);
  const streams = { ...options.streams };
  checkStreamNames(streams);
  const maxRetryDelayMs = wholeOption('maxRetryDelayMs', options.maxRetryDelayMs ?? 86_400_000, 1, MOST_MS);
  const retry = resolveRetryPolicy(options.retry ?? {}, DEFAULT_RETRY_POLICY, 'retry');
  checkLongestBackoff(retry, maxRetryDelayMs);
  return Object.freeze({
    connection: options.connection,
    group: nameOption('group', options.group),
    consumer: `${nameOption('consumerName', options.consumerName ?? hostname())}-${randomBytes(4).toString('hex')}`,
    streams,
    maxInFlight: wholeOption('maxInFlight', options.maxInFlight ?? 128, 1, 100_000),
    ackWaitMs: wholeOption('ackWaitMs', options.ackWaitMs ?? 30_000, 50, MOST_MS),
    recoveryIntervalMs: wholeOption('recoveryIntervalMs', options.recoveryIntervalMs ?? 1_000, 10, 3_600_000),
    maxRetryDelayMs,
    maxPutOffMs: wholeOption('maxPutOffMs', options.maxPutOffMs ?? 86_400_000, 0, MOST_MS),
    retry,
    retention: resolveRetention(options.retention ?? {}),
    idempotency: resolveIdempotencyDefaults(options.idempotency ?? {}, 'idempotency'),
    followUps: {
      maxAgeMs: wholeOption('followUps.maxAgeMs', options.followUps?.maxAgeMs ?? 86_400_000, 1, MOST_MS),
      maxEntries: wholeOption(
        'followUps.maxEntries',
        options.followUps?.maxEntries ?? 1_000_000,
        1,
        2 ** 53 - 1,
      ),
    },
    maxEntryBytes: wholeOption('maxEntryBytes', options.maxEntryBytes ?? 262_144, 1, 536_870_912),
    bigNumbers: bigNumbersOption(options.bigNumbers),
    shutdownGraceMs: wholeOption('shutdownGraceMs', options.shutdownGraceMs ?? 10_000, 0, 3_600_000),
    log: resolveLogOption(options.log),
  });
}

function bigNumbersOption(value: BigNumbers | undefined): BigNumbers | undefined {
  if ([undefined, 'string', 'bigint'].includes(value)) return value;
  throw new InvalidOptionError('bigNumbers', `must be 'string' or 'bigint', not ${String(value)}`);
}

function nameOption(option: string, value: string): string {
  if (typeof value !== 'string' || value === '' || value.startsWith('@')) {
    throw new InvalidOptionError(option, 'must be a name; names that begin with "@" are reserved');
  }
  return value;
}

/** @throws InvalidOptionError unless it is a whole number between these */
export function wholeOption(option: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new InvalidOptionError(
      option,
      `must be a whole number from ${least} to ${most}, not ${String(value)}`,
    );
  }
  return value;
}
