import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config-error.js';
import { loadConfig } from './load-config.js';
import { VARIABLES } from './variables.js';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('loadConfig', () => {
  it('gives every default when nothing is set', () => {
    expect(loadConfig({})).toEqual({
      redisUrl: undefined,
      redisSentinels: undefined,
      redisSentinelName: undefined,
      redisSentinelUsername: undefined,
      redisSentinelPassword: undefined,
      redisClusterNodes: undefined,
      redisUsername: undefined,
      redisPassword: undefined,
      redisDb: undefined,
      redisTls: 'off',
      redisTlsCaFile: undefined,
      redisTlsCertFile: undefined,
      redisTlsKeyFile: undefined,
      redisTlsServerName: undefined,
      waitReplicas: 0,
      waitReplicasTimeoutMs: 500,
      databaseUrl: undefined,
      databasePoolSize: 10,
      port: 3000,
      host: '0.0.0.0',
      embeddedRedis: 'install',
      healthPort: undefined,
      trustProxy: [],
      connectionsPerAddress: 1000,
      rateLimitPerSecond: undefined,
      quotaBytes: undefined,
      quotaWindowMs: 3_600_000,
      streamKey: 'orders',
      groupName: 'order-group',
      consumerName: undefined,
      maxInFlight: undefined,
      ackWaitMs: 30_000,
      handlerTimeoutMs: 300_000,
      maxRetries: 2,
      backoffInitialMs: 1000,
      backoffFactor: 2,
      backoffMaxMs: 60_000,
      backoffJitter: 0.2,
      maxRetryDelayMs: 86_400_000,
      recoveryIntervalMs: 1000,
      retentionMs: 86_400_000,
      retentionMaxEntries: 1_000_000,
      dltRetentionMs: undefined,
      orderTtlMs: 604_800_000,
      shutdownGraceMs: 10_000,
      lagAlert: 1000,
      oldestPendingAlertMs: 300_000,
      deadLetterAlert: 1,
      adminToken: undefined,
      replayToken: undefined,
      readToken: undefined,
      logLevel: 'log',
      logFormat: undefined,
      idempotencyScopeHeader: undefined,
      failOrderPrefix: undefined,
      secretFiles: {},
    });
  });

  it('is frozen', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it.each([
    ['PORT', '0', 0],
    ['PORT', '65535', 65_535],
    ['HOST', '::1', '::1'],
    ['TRUST_PROXY', '10.0.0.0/8,2001:db8::/32,192.0.2.1', ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1']],
    ['HOST', 'orders.example', 'orders.example'],
    ['STREAM_KEY', '{shop}:orders', '{shop}:orders'],
    ['GROUP_NAME', 'g', 'g'],
    ['CONSUMER_NAME', 'pod-1', 'pod-1'],
    ['MAX_IN_FLIGHT', '1', 1],
    ['ACK_WAIT_MS', '50', 50],
    ['HANDLER_TIMEOUT_MS', '0', 0],
    ['MAX_RETRIES', '0', 0],
    ['BACKOFF_INITIAL_MS', '0', 0],
    ['BACKOFF_FACTOR', '1.5', 1.5],
    ['BACKOFF_MAX_MS', '86400000', 86_400_000],
    ['BACKOFF_JITTER', '0', 0],
    ['BACKOFF_JITTER', '1', 1],
    ['MAX_RETRY_DELAY_MS', '60000', 60_000],
    ['RECOVERY_INTERVAL_MS', '10', 10],
    ['RETENTION_MS', '1', 1],
    ['RETENTION_MAX_ENTRIES', '1', 1],
    ['DLT_RETENTION_MS', '604800001', 604_800_001],
    ['ORDER_TTL_MS', '60000', 60_000],
    ['SHUTDOWN_GRACE_MS', '0', 0],
    ['LOG_LEVEL', 'verbose', 'verbose'],
    ['LOG_FORMAT', 'json', 'json'],
    ['FAIL_ORDER_PREFIX', 'fail-', 'fail-'],
    ['REDIS_URL', 'redis://localhost', 'redis://localhost'],
    ['REDIS_URL', 'rediss://user:p%40ss@redis.example:6380/2', 'rediss://user:p%40ss@redis.example:6380/2'],
    ['DATABASE_URL', 'postgres://user:p%40ss@db.example/orders', 'postgres://user:p%40ss@db.example/orders'],
    [
      'DATABASE_URL',
      'postgresql://db:5433/o?sslmode=verify-full',
      'postgresql://db:5433/o?sslmode=verify-full',
    ],
    ['DATABASE_POOL_SIZE', '1', 1],
  ])('takes %s=%s', (name, text, value) => {
    expect(Object.values(loadConfig({ [name]: text }))).toContainEqual(value);
  });

  it.each([
    ['PORT', '12abc'],
    ['PORT', '1e3'],
    ['PORT', '-1'],
    ['PORT', '+1'],
    ['PORT', ' 3000'],
    ['PORT', '3000.0'],
    ['PORT', '0x10'],
    ['PORT', '65536'],
    ['PORT', 'NaN'],
    ['HOST', 'a b'],
    ['HOST', 'a\n'],
    ['STREAM_KEY', '@orders'],
    ['STREAM_KEY', 'two words'],
    ['STREAM_KEY', 'x'.repeat(129)],
    ['GROUP_NAME', '@retry'],
    ['GROUP_NAME', 'order'],
    ['GROUP_NAME', 'order:x'],
    ['CONSUMER_NAME', 'a\u001b[31m'],
    ['MAX_IN_FLIGHT', '0'],
    ['MAX_IN_FLIGHT', 'Infinity'],
    ['ACK_WAIT_MS', '49'],
    ['HANDLER_TIMEOUT_MS', '2147483648'],
    ['MAX_RETRIES', '-1'],
    ['MAX_RETRIES', '1000000'],
    ['BACKOFF_INITIAL_MS', '1.5'],
    ['BACKOFF_FACTOR', '0.5'],
    ['BACKOFF_FACTOR', '2x'],
    ['BACKOFF_MAX_MS', '1e3'],
    ['BACKOFF_JITTER', '1.1'],
    ['BACKOFF_JITTER', '.2'],
    ['BACKOFF_JITTER', '20%'],
    ['MAX_RETRY_DELAY_MS', '0'],
    ['RECOVERY_INTERVAL_MS', '9'],
    ['RETENTION_MS', '0'],
    ['RETENTION_MAX_ENTRIES', 'none'],
    ['DLT_RETENTION_MS', 'never'],
    ['ORDER_TTL_MS', '999'],
    ['ORDER_TTL_MS', '99999999999999999999'],
    ['SHUTDOWN_GRACE_MS', '10s'],
    ['LOG_LEVEL', 'info'],
    ['LOG_LEVEL', 'toString'],
    ['LOG_FORMAT', 'JSON'],
    ['FAIL_ORDER_PREFIX', 'fail order'],
    ['EMBEDDED_REDIS', 'on'],
    ['TRUST_PROXY', 'loopback'],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '10.0.0.0/8,'],
    ['TRUST_PROXY', 'true'],
    ['HEALTH_PORT', '65536'],
    ['CONNECTIONS_PER_ADDRESS', '0'],
    ['QUOTA_BYTES', '0'],
    ['QUOTA_BYTES', '10MB'],
    ['QUOTA_WINDOW_MS', '999'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'http://localhost:6379'],
    ['REDIS_URL', 'redis://'],
    ['REDIS_URL', 'redis://host:99999'],
    ['REDIS_URL', 'redis://:100%@host'],
    ['REDIS_URL', 'redis://%ff:p@host'],
    ['DATABASE_URL', 'postgres://user:100%@host/orders'],
    ['REDIS_URL', 'redis://host/zero'],
    ['REDIS_URL', 'redis://host/0?tls=no'],
    ['DATABASE_URL', 'localhost:5432'],
    ['DATABASE_URL', 'mysql://localhost/orders'],
    ['DATABASE_URL', 'postgres://'],
    ['DATABASE_URL', 'postgres://host'],
    ['DATABASE_URL', 'postgres://host/'],
    ['DATABASE_URL', 'postgres://host:99999/orders'],
    ['DATABASE_POOL_SIZE', '0'],
  ])('refuses %s=%j by name and says what is allowed', (name, text) => {
    const problems = problemsOf({ [name]: text });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name} must be `));
  });

  it.each(Object.values(VARIABLES).map(({ name }) => [name]))('refuses an empty %s', (name) => {
    expect(problemsOf({ [name]: '' })).toEqual([expect.stringMatching(new RegExp(`^${name} is empty`))]);
  });

  it('names every bad variable at once', () => {
    const problems = problemsOf({ PORT: 'x', LOG_LEVEL: 'loud', GROUP_NAME: '@g', HOST: 'localhost' });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(['PORT', 'GROUP_NAME', 'LOG_LEVEL']);
  });

  it.each([
    [{ BACKOFF_INITIAL_MS: '500', BACKOFF_MAX_MS: '400' }, 'BACKOFF_MAX_MS', 'BACKOFF_INITIAL_MS'],
    [{ BACKOFF_INITIAL_MS: '60001' }, 'BACKOFF_MAX_MS', 'BACKOFF_INITIAL_MS'],
    [{ BACKOFF_MAX_MS: '86400001' }, 'BACKOFF_MAX_MS', 'MAX_RETRY_DELAY_MS'],
    [{ MAX_RETRY_DELAY_MS: '1000' }, 'BACKOFF_MAX_MS', 'MAX_RETRY_DELAY_MS'],
  ])('refuses %j, which contradict each other, by both names and values', (env, first, second) => {
    const problems = problemsOf(env);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${first} must not be .* ${second} \\(\\d+\\); it is \\d+`));
  });

  it('refuses one port for health and for everything', () => {
    expect(problemsOf({ PORT: '80', HEALTH_PORT: '80' })).toEqual([
      expect.stringMatching(/^HEALTH_PORT must be another port than PORT \(80\)/),
    ]);
    expect(problemsOf({ PORT: '0', HEALTH_PORT: '0' })).toEqual([]);
  });

  it.each([
    [{ BACKOFF_INITIAL_MS: '60000' }],
    [{ MAX_RETRY_DELAY_MS: '60000' }],
    [{ BACKOFF_INITIAL_MS: '0', BACKOFF_MAX_MS: '0', MAX_RETRY_DELAY_MS: '1' }],
  ])('takes %j, which agree', (env) => {
    expect(problemsOf(env)).toEqual([]);
  });

  it('never shows a secret', () => {
    const [problem] = problemsOf({ REDIS_URL: 'redis://user:hunter2@host:port/0' });
    expect(problem).not.toContain('hunter2');
    expect(problemsOf({ DATABASE_URL: 'postgres://user:hunter2@host' })[0]).not.toContain('hunter2');
  });

  it.each([
    ['DATABASE_URL', 'databaseUrl', 'postgres://user:hunter2@db.example/orders'],
    ['ADMIN_TOKEN', 'adminToken', 'admin-token-of-24-letters'],
    ['REPLAY_TOKEN', 'replayToken', 'replay-token-of-24-letters'],
    ['READ_TOKEN', 'readToken', 'read-token-of-24-letters'],
  ])('reads %s from the file that the variable with _FILE names', (name, property, secret) => {
    const directory = mkdtempSync(join(tmpdir(), 'order-streams-'));
    try {
      const file = join(directory, 'secret');
      writeFileSync(file, `${secret}\n`);
      expect(loadConfig({ [`${name}_FILE`]: file })).toMatchObject({ [property]: secret });
      expect(problemsOf({ [`${name}_FILE`]: file, [name]: secret })).toEqual([
        `${name} and ${name}_FILE are both set; set one of them`,
      ]);
      expect(problemsOf({ [`${name}_FILE`]: directory })).toEqual([
        expect.stringMatching(new RegExp(`^${name}_FILE names a file that cannot be read`)),
      ]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('shows a bad value on one line, and not all of a long one', () => {
    const problems = problemsOf({ HOST: 'a\nb', PORT: '9'.repeat(10_000) });
    expect(problems.join('')).not.toContain('\n');
    expect(problems.join('').length).toBeLessThan(400);
  });
});
