import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import {
  FunctionsMissingError,
  MissingPermissionError,
  RedisUnavailableError,
} from '../../entry/client-errors.js';
import { nodesOf } from '../links/cluster-nodes.js';
import { failureOf } from '../redis-failure.js';
import { SOURCE, withPlaces } from './library-source.js';
import type { RedisConnectionOptions } from '../links/connection-options.js';
import { cutConnection, openConnection } from '../links/connection.js';

/**
 * The version is part of every function's name, and comes from the code itself: two releases side by side, as in a
 * rolling update, each call their own, and neither can replace the other's.
 */
const VERSION = `os1_${createHash('sha256').update(SOURCE).digest('hex').slice(0, 8)}`;

const CODE = SOURCE.replaceAll('@version@', VERSION);

/** What Redis knows a function of this release by. */
export function versioned(name: string): string {
  return `${VERSION}_${name}`;
}

type Argument = string | number | Buffer;

/** ioredis has it, its types do not. `callBuffer` loses the name of the command where commands are pipelined by themselves. */
type WithBytes = Redis & {
  fcallBuffer(name: string, keys: number, ...args: readonly Argument[]): Promise<unknown>;
};

/** The steps that must be atomic, as Redis Functions (https://redis.io/docs/latest/develop/programmability/functions-intro/). */
export class FunctionLibrary {
  constructor(private readonly redis: Redis) {}

  /**
   * Calls a function of the library; loads the library first where it is missing.
   *
   * @throws MissingPermissionError when it is missing and this user may not load it; what Redis itself refuses names the
   * file and the line of the library
   */
  call(name: string, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.orLoaded(() => this.redis.fcall(versioned(name), keys.length, ...keys, ...args));
  }

  /** The same, with the answer's texts as bytes. */
  callForBytes(name: string, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const redis = this.redis as WithBytes;
    return this.orLoaded(() => redis.fcallBuffer(versioned(name), keys.length, ...keys, ...args));
  }

  /**
   * Loads the library unless it is there. Redis keeps it across restarts and hands it to replicas; in a cluster it
   * has to be loaded on each master.
   */
  async load(): Promise<void> {
    if (!this.redis.isCluster) {
      await loadInto(this.redis);
      return;
    }
    const loads = await Promise.allSettled(this.loadIntoMasters());
    const refusals = loads
      .flatMap((load) => (load.status === 'rejected' ? [load.reason as unknown] : []))
      // One that is unavailable gets it when it is called.
      .filter((refusal) => failureOf(refusal) !== 'unreachable');
    if (refusals.length === 0) return;
    // That this user may not load it holds for all.
    throw refusals.find((refusal) => refusal instanceof MissingPermissionError) ?? refusals[0];
  }

  /** The same, and ends only when every master of a cluster has it. */
  async loadEverywhere(): Promise<void> {
    if (!this.redis.isCluster) return this.load();
    // Before that it knows none of its masters.
    while (this.redis.status !== 'ready') await new Promise((resolve) => this.redis.once('ready', resolve));
    await Promise.all(this.loadIntoMasters());
  }

  private loadIntoMasters(): Promise<void>[] {
    return nodesOf(this.redis, 'master').map(loadInto);
  }

  private async orLoaded(invoke: () => Promise<unknown>): Promise<unknown> {
    try {
      return await invoke();
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'functions-missing') throw new FunctionsMissingError();
      if (failure !== 'function-missing') throw withPlaces(error);
    }
    await this.load();
    try {
      return await invoke();
    } catch (error) {
      throw withPlaces(error);
    }
  }
}

async function loadInto(redis: Redis): Promise<void> {
  try {
    await redis.function('LOAD', CODE);
  } catch (error) {
    const failure = failureOf(error);
    if (failure === 'library-exists') return;
    // What Redis says of it quotes the arguments of the command.
    if (failure === 'functions-missing') throw new FunctionsMissingError();
    if (failure !== 'no-permission') throw withPlaces(error);
    throw new MissingPermissionError(
      `The function library "${VERSION}" is not loaded in Redis, and this Redis user may not load it. ` +
        'Grant it +function|load, or load the library once as a user who has that right.',
      { cause: error },
    );
  }
}

/** How long Redis may take to load the library, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Loads the function library of this version into Redis, unless it is there: for a user who may do only that, before
 * processes start that may not. Other versions of the library stay. On a Redis Cluster every master is given it.
 *
 * @param connection - Redis, and a user with `+function|load +info +client|setname`, on a cluster also
 * `+cluster|slots +cluster|info +readonly`
 * @throws MissingPermissionError when the user may not load it
 * @throws RedisUnavailableError when Redis does not answer within ten seconds
 */
export async function loadFunctions(connection: RedisConnectionOptions): Promise<void> {
  const redis = openConnection(connection, 'commands', 'order-streams:deploy');
  let linkError: Error | undefined;
  for (const event of ['error', 'node error']) {
    redis.on(event, (error: Error) => {
      linkError = error;
    });
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const reason = linkError === undefined ? '' : `: ${linkError.message}`;
      const message = `Redis did not load the function library within ${TIMEOUT_MS} ms${reason}`;
      reject(new RedisUnavailableError(message, true, { cause: linkError }));
    }, TIMEOUT_MS);
  });
  try {
    await Promise.race([new FunctionLibrary(redis).loadEverywhere(), late]);
  } finally {
    clearTimeout(timer);
    cutConnection(redis);
  }
}
