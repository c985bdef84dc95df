import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import type { RetryOptions } from '../../src/transport/policy/retry-policy.js';
import {
  RedisStreamsServer,
  type DeadLetterArbiter,
  type IdempotencyExtra,
  type RedisStreamsContext,
  type RedisStreamsServerOptions,
  type TransportEvents,
} from '../../src/transport/index.js';
import { openRedis } from './open-redis.js';
import { sharedRedisUrl } from './shared-redis.js';
import { uniqueName } from './unique-name.js';

/** What a test lets its handler do. */
export type TestHandler = (payload: Record<string, unknown>, context: RedisStreamsContext) => unknown;

export interface ServerSetup {
  handler: TestHandler;
  /** A stream key; default one of its own. Servers that share the work are given the same. */
  stream?: string;
  url?: string;
  /** Default: the same for all. */
  group?: string;
  /** Options of the one handler. */
  retry?: RetryOptions;
  /** Key and options of `@Idempotent`. */
  idempotent?: IdempotencyExtra;
  options?: Partial<RedisStreamsServerOptions>;
  arbiter?: DeadLetterArbiter;
}

/** What the observers were told, by event. */
export type Told = { [K in keyof TransportEvents]: Parameters<TransportEvents[K]>[0][] };

/** A transport that listens, without an app around it. */
export interface StartedServer {
  readonly server: RedisStreamsServer;
  readonly stream: string;
  readonly group: string;
  readonly told: Told;
  close(): Promise<void>;
}

export const GROUP = 'test-group';

// What goes wrong here goes wrong on purpose.
Logger.overrideLogger(false);

/** Short times, so that a test need not wait. */
const QUICK: Partial<RedisStreamsServerOptions> = {
  ackWaitMs: 400,
  recoveryIntervalMs: 25,
  retry: { backoff: { type: 'fixed', delayMs: 20 } },
  shutdownGraceMs: 2_000,
};

/** Starts a server whose one handler reads the stream. */
export async function startServer(setup: ServerSetup): Promise<StartedServer> {
  const {
    handler,
    stream = uniqueName('orders'),
    url = sharedRedisUrl(),
    options = {},
    group = GROUP,
  } = setup;
  const { retry, idempotent } = setup;
  const server = new RedisStreamsServer({
    ...QUICK,
    ...options,
    retry: { ...QUICK.retry, ...options.retry },
    connection: { url },
    group,
    streams: { orders: stream },
  });
  const told = observe(server);
  if (setup.arbiter) server.setDeadLetterArbiter(setup.arbiter);
  server.addHandler(
    'orders',
    (payload, context) =>
      new Promise((resolve) => {
        resolve(handler(payload as Record<string, unknown>, context as RedisStreamsContext));
      }),
    true,
    { ...(retry && { retry }), ...(idempotent && { idempotent }) },
  );
  await new Promise<void>((resolve, reject) => {
    void server.listen((error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
  return { ...{ server, stream, told }, group, close: () => closeAtOnce(server, stream, url) };
}

function observe(server: RedisStreamsServer): Told {
  const told: Told = {
    received: [],
    processed: [],
    duplicate: [],
    'duplicate-waiting': [],
    'commit-refused': [],
    failed: [],
    'retry-scheduled': [],
    'put-off': [],
    'intake-paused': [],
    'intake-resumed': [],
    'dead-lettered': [],
    'dead-letter-failed': [],
    skipped: [],
    'replay-fields-ignored': [],
    'headers-left-out': [],
    reclaimed: [],
    vanished: [],
    lost: [],
    'group-remade': [],
    'group-set-back': [],
    'clock-set-back': [],
    trimmed: [],
    'loop-blocked': [],
    'slots-exhausted': [],
    'stale-group': [],
  };
  const listen = <K extends keyof Told>(name: K): void => {
    const listener = (event: Told[K][number]): void => void (told[name] as unknown[]).push(event);
    server.on(name, listener);
  };
  for (const name of Object.keys(told) as (keyof Told)[]) listen(name);
  return told;
}

/** Closing waits for the read in progress, so an entry ends it. */
async function closeAtOnce(server: RedisStreamsServer, stream: string, url: string): Promise<void> {
  const closed = server.close();
  const redis: Redis = openRedis(url);
  await redis.xadd(stream, '*', 'orderId', 'ends-the-read').catch(() => undefined);
  redis.disconnect();
  await closed;
}
