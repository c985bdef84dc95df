import { RedisStreamsClient } from './redis-streams-client.js';
import { DeadLetters } from '../dead-letters/dead-letters.js';
import { PostgresIdempotencyStore } from '../idempotency/postgres-idempotency-store.js';
import { RedisStreamsModule } from './redis-streams.module.js';
import { RedisStreamsServer } from './redis-streams-server.js';
import { checkKnownOptions } from '../entry/known-options.js';

const connection = { url: 'redis://127.0.0.1:1' };
const server = (options: object): unknown => new RedisStreamsServer({ connection, group: 'g', ...options });
const client = (options: object): unknown => new RedisStreamsClient({ connection, ...options });

describe('An option that there is not', () => {
  it.each<[string, (options: never) => unknown, object, string]>([
    ['maxInflight', server, { maxInflight: 1 }, 'maxInFlight'],
    ['retry.maxAttempts', server, { retry: { maxAttempts: 9 } }, 'maxRetries'],
    ['retry.backoff.delay', server, { retry: { backoff: { type: 'fixed', delay: 9 } } }, 'delayMs'],
    [
      'retry.backoff.max',
      server,
      { retry: { backoff: { type: 'exponential', initialMs: 1, factor: 1, max: 9, jitter: 0 } } },
      'maxMs',
    ],
    ['retention.maxEntrys', server, { retention: { maxEntrys: 1 } }, 'maxEntries'],
    ['retention.hardMaxEntry', server, { retention: { hardMaxEntry: 1 } }, 'hardMaxEntries'],
    ['idempotency.window', server, { idempotency: { window: 1 } }, 'windowMs'],
    ['followUps.maxAge', server, { followUps: { maxAge: 1 } }, 'maxAgeMs'],
    ['log.levels', server, { log: { levels: 'warn' } }, 'level'],
    ['connection.password', server, { connection: { ...connection, password: 'x' } }, 'readPassword'],
    [
      'connection.sentinels[0].hots',
      server,
      { connection: { sentinels: [{ hots: 'a', port: 1 }], name: 'm' } },
      'host',
    ],
    ['emitTimeout', client, { emitTimeout: 1 }, 'emitTimeoutMs'],
    ['waitReplicas.timeout', client, { waitReplicas: { count: 1, timeout: 1 } }, 'timeoutMs'],
    [
      'stream',
      (options: never) => new DeadLetters(options),
      { connection, pattern: 'orders', stream: {} },
      'streams',
    ],
    [
      'useFactroy',
      (options: never) => RedisStreamsModule.forRootAsync(options),
      { useFactroy: () => undefined },
      'useFactory',
    ],
    [
      'lockWait',
      (options: never) => new PostgresIdempotencyStore({} as never, options),
      { lockWait: 1 },
      'lockWaitMs',
    ],
  ])('is refused with the nearest name: %s', (path, make, options, nearest) => {
    const refusal = new RegExp(`"(\\w+\\.)?${path.replace(/[.[\]]/g, '\\$&')}".*did you mean "${nearest}"`);
    expect(() => make(options as never)).toThrow(refusal);
  });

  it.each([
    ['serializer', server],
    ['deserializer', server],
    ['serializer', client],
    ['deserializer', client],
  ])('is refused in words of its own where other transports of Nest have it: %s', (name, make) => {
    expect(() => make({ [name]: {} })).toThrow(/"(de)?serializer": is not supported: payloads are JSON/);
  });

  it('may be one of ioredis', () => {
    expect(() =>
      server({ connection: { ...connection, redis: { family: 4, noDelay: true } } }),
    ).not.toThrow();
  });

  it.each([
    ['retry', 5],
    ['retention', true],
    ['idempotency', 'redis'],
    ['followUps', [1]],
  ])('cannot stand for all of them: %s = %j', (option, value) => {
    expect(() => server({ [option]: value })).toThrow(`Option "${option}": must be an object of options`);
  });

  it.each([['fixed'], [5], [{ type: 'linear', delayMs: 1 }], [null]])('is no backoff: %j', (backoff) => {
    const retry = { backoff };
    if (backoff === null) expect(() => server({ retry })).not.toThrow();
    else expect(() => server({ retry })).toThrow(/"retry\.backoff\.type": must be "fixed" or "exponential"/);
  });

  it('is refused wherever its object comes from', () => {
    expect(() => checkKnownOptions({ __proto__: null, constructor: 1 }, { a: true })).toThrow(
      /"constructor"/,
    );
  });
});
