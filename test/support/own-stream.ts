import type { Redis } from 'ioredis';
import { openRedis } from './open-redis.js';
import { sharedRedisUrl } from './shared-redis.js';
import { startServer, type ServerSetup, type StartedServer } from './started-server.js';
import { uniqueName } from './unique-name.js';

/** What a test has: a stream of its own in the shared Redis, and servers that read it until the test is over. */
export interface OwnStream {
  readonly redis: Redis;
  readonly stream: string;
  /** Those that were started in this test. */
  readonly started: readonly StartedServer[];
  /** Starts a server that reads the stream; its handler succeeds unless the setup says otherwise. */
  start(setup?: Partial<ServerSetup>): Promise<StartedServer>;
  /** Closes them before the test is over. */
  close(): Promise<void>;
}

/** Gives each test of the surrounding block a stream of its own. Call it where hooks are registered. */
export function useOwnStream(): OwnStream {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  const close = async (): Promise<void> => {
    await Promise.all(started.splice(0).map((running) => running.close()));
  };
  afterEach(async () => {
    await close();
    redis.disconnect();
  });
  return {
    get redis() {
      return redis;
    },
    get stream() {
      return stream;
    },
    started,
    close,
    async start(setup = {}) {
      const running = await startServer({ stream, handler: () => undefined, ...setup });
      started.push(running);
      return running;
    },
  };
}
