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

/** The ways to a Redis server, the cheapest first. */
export const REDIS_SOURCES: readonly RedisSource[] = [pathSource, packageManagerSource, containerSource];
