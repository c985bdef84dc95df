import { startRedisContainer } from './redis-container.js';
import { startRedisProcess } from './redis-process.js';

/** How a test's Redis is run. A process is faster to kill and to start again; a container can be any version. */
export type RedisKind = 'container' | 'process';

export interface RedisOptions {
  /** Default: a container where an engine runs, else a process. `TEST_REDIS_KIND` decides for all that do not say. */
  kind?: RedisKind;
  /** Further server arguments, as in `['--maxmemory', '1mb']`. */
  args?: readonly string[];
  /** Keep an append-only file, so that data survive `kill()` and `restart()`. Default false. */
  aof?: boolean;
  /** Container image; default `TEST_REDIS_IMAGE`, else `redis:7-bookworm`. A process does not look at it. */
  image?: string;
}

/** A Redis of a test's own. */
export interface TestRedis {
  kind: RedisKind;
  url: string;
  host: string;
  port: number;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
  /**
   * Starts it again, after `kill()` or while it runs, on the same port and with the same data directory.
   *
   * @param environment - of a process, from now on; a container does not look at it
   */
  restart(environment?: Record<string, string>): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Starts a Redis and resolves when it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const kind = options.kind ?? (await defaultKind());
  const args = [
    ...(options.aof === true ? ['--appendonly', 'yes'] : []),
    '--save',
    '',
    ...(options.args ?? []),
  ];
  if (kind === 'process') return startRedisProcess(args);
  return startRedisContainer(options.image ?? process.env.TEST_REDIS_IMAGE ?? 'redis:7-bookworm', args);
}

async function defaultKind(): Promise<RedisKind> {
  const wanted = process.env.TEST_REDIS_KIND;
  if (wanted === 'container' || wanted === 'process') return wanted;
  if (wanted !== undefined)
    throw new Error(`TEST_REDIS_KIND is "${wanted}"; it can be "container" or "process".`);
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient().then(
    () => 'container',
    () => 'process',
  );
}
