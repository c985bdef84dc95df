import { CONNECTION_VARIABLES } from './connection-variables.js';
import {
  decimalNumber,
  groupName,
  hostName,
  matching,
  networks,
  oneOf,
  postgresUrl,
  redisName,
  redisUrl,
  token,
  wholeNumber,
} from './kinds.js';
import { LOG_LEVELS } from '../service/logging/log-levels.js';
import { optional, variable } from './variable.js';

/** Ten years: longer is a mistake. */
const MOST_MS = 315_360_000_000;
/** Longer does not fit a timer of Node. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** Every environment variable of the service, one row each, by the name it has in the {@link Config}. */
export const VARIABLES = {
  redisUrl: optional('REDIS_URL', redisUrl, {
    description: 'The Redis to use. Unset: the service starts one of its own',
    defaultText: 'a Redis of its own',
    secret: true,
  }),
  ...CONNECTION_VARIABLES,
  embeddedRedis: variable('EMBEDDED_REDIS', oneOf('install', 'installed', 'off'), {
    default: 'install',
    description:
      'Where no Redis is named: `installed` starts a server on `PATH`; `install` may also install one (as root, by apt-get, apk or dnf) or run a container; `off` refuses to start',
  }),
  databaseUrl: optional('DATABASE_URL', postgresUrl, {
    description: 'The PostgreSQL that keeps the orders. Unset: Redis keeps them',
    defaultText: 'orders are kept in Redis',
    secret: true,
  }),
  databasePoolSize: variable('DATABASE_POOL_SIZE', wholeNumber(1, 1000), {
    default: 10,
    description: 'Connections to PostgreSQL that a process opens at most',
  }),
  port: variable('PORT', wholeNumber(0, 65_535), {
    default: 3000,
    description: 'Port of the HTTP server; 0 takes any free one',
  }),
  host: variable('HOST', hostName, {
    default: '0.0.0.0',
    description: 'Address that the HTTP server listens on',
  }),
  healthPort: optional('HEALTH_PORT', wholeNumber(0, 65_535), {
    description:
      'Further port, which answers `/health` alone, whatever callers do on `PORT`; 0 takes any free one',
    defaultText: 'none: `/health` is on `PORT`',
  }),
  trustProxy: variable('TRUST_PROXY', networks, {
    default: [],
    description: 'Proxies whose `X-Forwarded-For` says who a caller is: addresses and networks, by commas',
    defaultText: "none: it is the connection's address",
  }),
  connectionsPerAddress: variable('CONNECTIONS_PER_ADDRESS', wholeNumber(1, 1_000_000), {
    default: 1000,
    description:
      'Connections of one address that a process keeps at once; a proxy of `TRUST_PROXY` has no such limit',
  }),
  rateLimitPerSecond: optional('RATE_LIMIT_PER_SECOND', wholeNumber(1, 1_000_000), {
    description: 'Orders that a process takes over HTTP from one address within a second',
    defaultText: 'no limit',
  }),
  quotaBytes: optional('QUOTA_BYTES', wholeNumber(1, 1_000_000_000_000), {
    description: 'Bytes of orders that a process takes over HTTP from one address within `QUOTA_WINDOW_MS`',
    defaultText: 'no limit',
  }),
  quotaWindowMs: variable('QUOTA_WINDOW_MS', wholeNumber(1000, MOST_MS), {
    default: 3_600_000,
    description: 'Length of the windows in which `QUOTA_BYTES` counts, in milliseconds',
  }),
  idempotencyScopeHeader: optional(
    'IDEMPOTENCY_SCOPE_HEADER',
    matching(/^[A-Za-z0-9-]{1,64}$/, '1 to 64 characters of A-Z a-z 0-9 -'),
    {
      description:
        'Request header that says whose an Idempotency-Key is, such as the tenant that a gateway sets',
      defaultText: 'all callers share one scope',
    },
  ),
  streamKey: variable('STREAM_KEY', redisName, {
    default: 'orders',
    description: 'Redis key of the stream of orders',
  }),
  groupName: variable('GROUP_NAME', groupName, {
    default: 'order-group',
    description: 'Consumer group that reads the stream',
  }),
  consumerName: optional('CONSUMER_NAME', redisName, {
    description: 'Prefix of the name of this process in the group; a random suffix is always added',
    defaultText: 'the host name',
  }),
  maxInFlight: optional('MAX_IN_FLIGHT', wholeNumber(1, 100_000), {
    description: 'Entries that a process handles at once',
    defaultText: 'the default of the transport',
  }),
  ackWaitMs: variable('ACK_WAIT_MS', wholeNumber(50, MOST_MS), {
    default: 30_000,
    description: 'After this number of milliseconds of silence the entries of a process go to another one',
  }),
  handlerTimeoutMs: variable('HANDLER_TIMEOUT_MS', wholeNumber(0, LONGEST_TIMER_MS), {
    default: 300_000,
    description:
      'After this number of milliseconds a handler that has not finished counts as failed; 0 waits for ever',
  }),
  maxRetries: variable('MAX_RETRIES', wholeNumber(0, 999_999), {
    default: 2,
    description: 'Further attempts after the first; after the last one an order is dead-lettered',
  }),
  backoffInitialMs: variable('BACKOFF_INITIAL_MS', wholeNumber(0, MOST_MS), {
    default: 1000,
    description: 'Delay before the first retry, in milliseconds',
  }),
  backoffFactor: variable('BACKOFF_FACTOR', decimalNumber(1, 1000), {
    default: 2,
    description: 'What the delay is multiplied by with each further retry; 1 keeps it as it is',
  }),
  backoffMaxMs: variable('BACKOFF_MAX_MS', wholeNumber(0, MOST_MS), {
    default: 60_000,
    description: 'Longest delay before a retry, in milliseconds, jitter included',
  }),
  backoffJitter: variable('BACKOFF_JITTER', decimalNumber(0, 1), {
    default: 0.2,
    description:
      'Share of a delay by which it varies, so that what failed together does not come back together',
  }),
  maxRetryDelayMs: variable('MAX_RETRY_DELAY_MS', wholeNumber(1, MOST_MS), {
    default: 86_400_000,
    description:
      'A retry that is due later than in this number of milliseconds is due now: a clock has jumped',
  }),
  recoveryIntervalMs: variable('RECOVERY_INTERVAL_MS', wholeNumber(10, 3_600_000), {
    default: 1000,
    description: 'Milliseconds between two runs of the recovery: how late a retry may begin',
  }),
  retentionMs: variable('RETENTION_MS', wholeNumber(1, MOST_MS), {
    default: 86_400_000,
    description: 'Entries that every group is done with are removed when they are older, in milliseconds',
  }),
  retentionMaxEntries: variable('RETENTION_MAX_ENTRIES', wholeNumber(1, 1_000_000_000), {
    default: 1_000_000,
    description: 'Entries that every group is done with are removed from a stream that is longer',
  }),
  dltRetentionMs: optional('DLT_RETENTION_MS', wholeNumber(1, MOST_MS), {
    description: 'Dead letters are removed when they are older, in milliseconds',
    defaultText: 'never',
  }),
  orderTtlMs: variable('ORDER_TTL_MS', wholeNumber(1000, 31_536_000_000), {
    default: 604_800_000,
    description: 'How long the record of an order is kept after the last change, in milliseconds',
  }),
  shutdownGraceMs: variable('SHUTDOWN_GRACE_MS', wholeNumber(0, 3_600_000), {
    default: 10_000,
    description: 'How long a stop waits for handlers that still run, in milliseconds',
  }),
  lagAlert: variable('LAG_ALERT', wholeNumber(0, 1_000_000_000), {
    default: 1000,
    description: 'More entries than this not yet delivered are a warning and an alert',
  }),
  oldestPendingAlertMs: variable('OLDEST_PENDING_ALERT_MS', wholeNumber(1, MOST_MS), {
    default: 300_000,
    description: 'A pending entry older than this number of milliseconds is a warning and an alert',
  }),
  deadLetterAlert: variable('DEAD_LETTER_ALERT', wholeNumber(1, 1_000_000_000), {
    default: 1,
    description: 'As many dead letters are a warning; as many new ones within ten minutes an alert',
  }),
  adminToken: optional('ADMIN_TOKEN', token, {
    description:
      'Bearer token that may do everything on the operator routes. Without any token they answer only to this machine itself',
    secret: true,
  }),
  replayToken: optional('REPLAY_TOKEN', token, {
    description: 'Bearer token that may read and replay dead letters, not discard them',
    secret: true,
  }),
  readToken: optional('READ_TOKEN', token, {
    description: 'Bearer token that may only read',
    secret: true,
  }),
  logLevel: variable('LOG_LEVEL', oneOf(...LOG_LEVELS), {
    default: 'log',
    description: 'The least urgent level that is logged',
  }),
  logFormat: optional('LOG_FORMAT', oneOf('pretty', 'json'), {
    description: 'Form of the log',
    defaultText: 'pretty on a terminal, else json',
  }),
  failOrderPrefix: optional(
    'FAIL_ORDER_PREFIX',
    matching(/^[A-Za-z0-9._:-]{1,128}$/, '1 to 128 characters of A-Z a-z 0-9 . _ : -'),
    { description: 'For demonstrations: an order whose id begins so fails on purpose' },
  ),
} as const;
