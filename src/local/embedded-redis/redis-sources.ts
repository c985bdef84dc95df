import { installRedis } from './package-manager.js';
import { findRedisBinary } from './redis-binary.js';
import type { RedisSource } from './redis-source.js';
import { containerSource } from './server-container.js';
import { findServerProcess, startServerProcess } from './server-process.js';

/** `redis-server` or `valkey-server` from PATH. */
export const pathSource: RedisSource = {
  async start(place) {
    const binary = await findRedisBinary();
    return 'unavailable' in binary ? binary : startServerProcess(binary, place);
  },
  findRunning: findServerProcess,
};

/** The same, after the system's package manager has installed it. */
export const packageManagerSource: RedisSource = {
  async start(place) {
    const refused = await installRedis(place.log);
    return refused ?? pathSource.start(place);
  },
  findRunning: () => Promise.resolve(undefined),
};

/** What the service may do for a Redis of its own: nothing, start what is there, or fetch one too. */
export const REDIS_SOURCES = {
  off: [],
  /** A server on PATH, whatever the machine has. */
  installed: [pathSource],
  /** The same; else one from the package manager, where that needs no question; else a container. The cheapest first. */
  install: [pathSource, packageManagerSource, containerSource],
} as const satisfies Record<string, readonly RedisSource[]>;
