import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { withFileLock } from './file-lock.js';
import { freePort } from './free-port.js';
import { Leases } from './leases.js';
import { makePrivateDirectory } from './private-directory.js';
import {
  isOfSystem,
  NotStartedError,
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
  /** Whether one may be started, and installed where there is none; default `install`. */
  mode?: keyof typeof REDIS_SOURCES;
  /** Ways to a server, tried in order, instead of those of the mode. */
  sources?: readonly RedisSource[];
}

/** A Redis that belongs to the service. */
export interface EmbeddedRedis {
  /** `redis://default:<password>@127.0.0.1:<port>`; also in the file `redis.url` of the data directory. */
  url: string;
  /** A Unix socket that leads to it, and that nobody else can have taken over, as with a port; none in a container. */
  socketPath?: string;
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
 * ends the server too; one that is killed leaves it to the next start, which ends it and starts again on its data.
 *
 * @throws NoRedisError when there is neither a server program nor a container engine, no place for the data, or when the
 * server does not start.
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  try {
    return await startOrShare(options);
  } catch (error) {
    throw explained(error, resolve(options.dataDir));
  }
}

async function startOrShare(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { log, mode = 'install', sources = REDIS_SOURCES[mode] } = options;
  const dataDir = makeDirectory(options.dataDir);
  const directory = makeDirectory(join(dataDir, 'redis'));
  const urlFile = join(dataDir, 'redis.url');
  const lockFile = join(dataDir, 'redis.lock');
  const leases = new Leases(join(dataDir, 'redis.users'));

  const { server, url } = await withFileLock(lockFile, async () => {
    const known = readUrl(urlFile);
    const isShared = leases.areHeld();
    const place = { directory, port: Number(known?.port ?? 0), password: known?.password, isShared, log };
    const found = await findRunning(sources, place);
    const shared = isShared ? found : undefined;
    if (found !== undefined && shared === undefined) {
      log(`Ending the Redis that an earlier run left behind (${found.description}).`);
      await found.stop();
    }
    const started = shared ?? (await startAnew(sources, place, urlFile));
    try {
      leases.take();
      return { server: started, url: readFileSync(urlFile, 'utf8').trim() };
    } catch (error) {
      if (!isShared) await started.stop(); // nobody would end it
      throw error;
    }
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
    const end = async (): Promise<void> => {
      leases.giveBack();
      if (!leases.areHeld()) await server.stop();
    };
    await withFileLock(lockFile, end).catch((error: unknown) => {
      // A disk that has no room for a lock is no reason to leave a server behind.
      if (isOfSystem(error)) return end();
      throw error;
    });
  };
  const { socketPath } = server;
  return { url, ...(socketPath !== undefined && { socketPath }), stop: () => (stopped ??= stop()) };
}

function makeDirectory(path: string): string {
  try {
    return makePrivateDirectory(path);
  } catch (error) {
    throw new NoRedisError(
      `REDIS_URL is not set, and a Redis of our own cannot keep its data in ${resolve(path)} ` +
        `(${(error as Error).message}). Set REDIS_URL, or start where that directory can be written.`,
    );
  }
}

/** What the user can do something about is one sentence; anything else is a fault of ours, and stays as it is. */
function explained(error: unknown, dataDir: string): unknown {
  if (!(error instanceof NotStartedError || isOfSystem(error))) return error;
  const advice = isOfSystem(error) ? `Make room in ${dataDir}, or let it be written` : 'Mend that';
  return new NoRedisError(
    `REDIS_URL is not set, and a Redis of our own could not be started: ${error.message}. ${advice}; or set REDIS_URL.`,
    { cause: error },
  );
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

/**
 * Each start has a password of its own: whoever came to know an earlier one has nothing. Only where others go on with the
 * server is it the one that they know.
 */
async function startAnew(
  sources: readonly RedisSource[],
  place: RedisPlace,
  urlFile: string,
): Promise<RunningRedis> {
  const known = place.isShared ? place.password : undefined;
  const password = known ?? randomBytes(32).toString('hex');
  const started = await start(sources, { ...place, password });
  try {
    writeFileSync(urlFile, `redis://default:${password}@127.0.0.1:${started.port}\n`, { mode: 0o600 });
  } catch (error) {
    await started.stop(); // nobody could find it again
    throw error;
  }
  return started;
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

/** The port and the password of the server that was started last, if that can be read. */
function readUrl(path: string): URL | undefined {
  try {
    const url = new URL(readFileSync(path, 'utf8').trim());
    return url.password === '' ? undefined : url;
  } catch {
    return undefined;
  }
}
