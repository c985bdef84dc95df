import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { withFileLock } from './file-lock.js';
import { freePort } from './free-port.js';
import { Leases } from './leases.js';
import {
  PortTakenError,
  type Log,
  type RedisPlace,
  type RedisSource,
  type RunningRedis,
} from './redis-source.js';
import { REDIS_SOURCES } from './redis-sources.js';

const PORT_ATTEMPTS = 5;

/** Options of {@link startEmbeddedRedis}. */
export interface EmbeddedRedisOptions {
  /** Directory of the service's own files, usually `.data`; the Redis keeps its data in `redis` below it. */
  dataDir: string;
  /** Gets one line about each thing done that the user should know. */
  log: Log;
  /** Ways to a server, tried in order. Default: PATH, the package manager, Docker. */
  sources?: readonly RedisSource[];
}

/** A Redis that belongs to the service. */
export interface EmbeddedRedis {
  /** `redis://127.0.0.1:<port>` */
  url: string;
  /** Ends it with its data written, unless another process of this directory still uses it. Idempotent. */
  stop(): Promise<void>;
}

/** No way to a Redis server is open on this machine. */
export class NoRedisError extends Error {
  override readonly name = 'NoRedisError';
}

/**
 * Starts a durable Redis on a loopback port, or shares the one that another live process runs on this directory.
 *
 * The port is remembered, so that a restart has the same one while it is free. A process that exits without `stop()`
 * ends the server too; one that is killed leaves it to the next start, which ends it and starts anew on its data.
 *
 * @throws NoRedisError when there is neither a server program nor a container engine, or no place for the data.
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { log, sources = REDIS_SOURCES } = options;
  const directory = makeDirectory(join(options.dataDir, 'redis'));
  const dataDir = dirname(directory);
  const portFile = join(dataDir, 'redis.port');
  const lockFile = join(dataDir, 'redis.lock');
  const leases = new Leases(join(dataDir, 'redis.users'));

  const server = await withFileLock(lockFile, async () => {
    const place = { directory, port: readPort(portFile), log };
    const found = await findRunning(sources, place);
    const shared = leases.areHeld() ? found : undefined;
    if (found !== undefined && shared === undefined) {
      log(`Ending the Redis that an earlier run left behind (${found.description}).`);
      await found.stop();
    }
    const started = shared ?? (await start(sources, place));
    writeFileSync(portFile, `${started.port}\n`);
    leases.take();
    return started;
  });
  log(`Embedded Redis on 127.0.0.1:${server.port} (${server.description}), data in ${directory}.`);

  const onExit = (): void => {
    leases.giveBack();
    if (!leases.areHeld()) server.stopSoon();
  };
  process.once('exit', onExit);
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    process.off('exit', onExit);
    await withFileLock(lockFile, async () => {
      leases.giveBack();
      if (!leases.areHeld()) await server.stop();
    });
  };
  return { url: `redis://127.0.0.1:${server.port}`, stop: () => (stopped ??= stop()) };
}

function makeDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true });
    return realpathSync(path);
  } catch (error) {
    throw new NoRedisError(
      `REDIS_URL is not set, and a Redis of our own cannot keep its data in ${resolve(path)} ` +
        `(${(error as Error).message}). Set REDIS_URL, or start where that directory can be written.`,
    );
  }
}

async function findRunning(
  sources: readonly RedisSource[],
  place: RedisPlace,
): Promise<RunningRedis | undefined> {
  for (const source of sources) {
    const found = await source.findRunning(place);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function start(sources: readonly RedisSource[], place: RedisPlace): Promise<RunningRedis> {
  const refused: string[] = [];
  for (const source of sources) {
    const result = await startOnFreePort(source, place);
    if (!('unavailable' in result)) return result;
    refused.push(result.unavailable);
  }
  throw new NoRedisError(
    `Order Streams needs a Redis (7.0 or newer) and found none here (${refused.join('; ')}). Do one of these: ` +
      'install redis-server so that it is on PATH; start Docker; or set REDIS_URL to a Redis that runs elsewhere.',
  );
}

async function startOnFreePort(source: RedisSource, place: RedisPlace): ReturnType<RedisSource['start']> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(attempt === 1 ? place.port : 0);
    try {
      return await source.start({ ...place, port });
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

function readPort(path: string): number {
  try {
    const port = Number(readFileSync(path, 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : 0;
  } catch {
    return 0;
  }
}
