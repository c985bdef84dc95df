import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { watchSlots } from './cluster-nodes.js';
import { isCluster, type RedisConnectionOptions, readPasswordAtEachConnect } from './connection-options.js';
import { watchFailover } from './failover-watch.js';
import { hearAllErrors, watchHandshake } from './link-watch.js';
import { disconnectAndSettle, settleWhenLinkBreaks } from './unsettled-commands.js';

/** How long the end of a link may take, in milliseconds. */
const QUIT_LIMIT_MS = 750;
const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_RECONNECT_DELAY_MS = 1_000;
/** How long a Sentinel may take to name the master before the next one is asked, in milliseconds. */
const SENTINEL_ANSWER_MS = 1_000;
/** How long a command waits before it is sent again while a cluster mends itself, in milliseconds. */
const CLUSTER_DELAY_MS = 100;
/** How old the map of a cluster's slots may become, in milliseconds. */
const SLOTS_AGE_MS = 2_000;

/**
 * What a connection is for decides what becomes of a command whose answer was lost with the link:
 * - `reader`: rejected at once; a repeated blocking read would deliver twice, and the loop reads again anyway;
 * - `commands`: kept and repeated until Redis is back; every command on it is safe to repeat;
 * - `publisher`: rejected at once; it knows which of its writes are safe to repeat;
 * - `subscriber`: kept until Redis is back: all that it sends is what it wants to hear.
 */
export type ConnectionRole = 'reader' | 'commands' | 'publisher' | 'subscriber';

const RETRIES: Record<ConnectionRole, number | null> = {
  reader: 0,
  commands: null,
  publisher: 2,
  subscriber: null,
};
/** What ioredis 6 needs so that it answers as 5 does, which does not know the option, and sends no HELLO, which is a right. */
const RESP2 = { protocol: 2 };
const watches = new WeakMap<Redis, () => void>();
/** How often a command is sent on to another node of a cluster, or again to the same one. */
const REDIRECTIONS: Record<ConnectionRole, number> = {
  reader: 16,
  commands: Infinity,
  publisher: 16,
  subscriber: Infinity,
};

/**
 * Opens a connection that reconnects by itself; it may be used before it is up. That to a cluster has the commands and
 * the events of a single one.
 */
export function openConnection(
  connection: RedisConnectionOptions,
  role: ConnectionRole,
  name: string,
): Redis {
  const redis = create(connection, role, {
    ...connection.redis,
    ...optionsOf(role),
    connectionName: `${name}:${role}`,
  });
  // Without a listener ioredis prints every failed attempt; whoever uses the connection sees its commands fail.
  redis.on('error', () => undefined);
  hearAllErrors(redis);
  watchHandshake(redis);
  if (redis instanceof Redis) leaveReplicaOnce(redis);
  if (role === 'publisher') settleWhenLinkBreaks(redis);
  if (connection.readPassword) readPasswordAtEachConnect(redis, connection.readPassword);
  if ('sentinels' in connection) watches.set(redis, watchFailover(redis, connection));
  if (isCluster(connection)) watches.set(redis, watchSlots(redis, SLOTS_AGE_MS));
  redis.connect().catch(() => undefined);
  return redis;
}

/** All replies that were under way on one link say READONLY; the link is left for the first of them. */
function leaveReplicaOnce(redis: Redis): void {
  const { reconnectOnError } = redis.options;
  let isLeaving = false;
  redis.on('close', () => (isLeaving = false));
  redis.options.reconnectOnError = (error) => {
    if (isLeaving || !reconnectOnError) return false;
    const answer = reconnectOnError(error);
    isLeaving = answer !== false;
    return answer;
  };
}

/** Ends a connection; where its link is up, after what is under way on it. */
export async function closeConnection(redis: Redis): Promise<void> {
  // A Redis that stands still would answer when it goes on, if ever.
  const given = delay(QUIT_LIMIT_MS, undefined, { ref: false });
  if (redis.status === 'ready') await Promise.race([redis.quit().catch(() => undefined), given]);
  cutConnection(redis);
}

/** Ends a connection at once. */
export function cutConnection(redis: Redis): void {
  disconnectAndSettle(redis);
  watches.get(redis)?.();
}

/** A client that does nothing yet: so everything can be attached before the first attempt. */
function create(connection: RedisConnectionOptions, role: ConnectionRole, options: RedisOptions): Redis {
  if (isCluster(connection)) {
    const cluster: unknown = new Cluster([...connection.cluster], clusterOptionsOf(role, options));
    return cluster as Redis;
  }
  if ('url' in connection) return new Redis(connection.url, options);
  return new Redis({
    ...options,
    sentinels: [...connection.sentinels],
    name: connection.name,
    role: 'master',
    sentinelRetryStrategy: reconnectDelay,
    sentinelCommandTimeout: SENTINEL_ANSWER_MS,
    enableTLSForSentinelMode: options.tls !== undefined,
  });
}

function optionsOf(role: ConnectionRole): RedisOptions {
  return {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A dead link never answers the closing handshake, so do not wait for it.
    disconnectTimeout: 100,
    maxRetriesPerRequest: RETRIES[role],
    retryStrategy: reconnectDelay,
    // A demoted master keeps its links open and refuses writes: look for the new one, but let the caller repeat.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    enableAutoPipelining: role === 'publisher',
    // A command that is given up here is done in Redis all the same; a read that is given up loses what it brings.
    commandTimeout: undefined,
    blockingTimeout: undefined,
    socketTimeout: undefined,
    enableOfflineQueue: true,
    enableReadyCheck: true,
    autoResendUnfulfilledCommands: role !== 'publisher',
    stringNumbers: false,
    ...RESP2,
  };
}

function clusterOptionsOf(role: ConnectionRole, { retryStrategy, ...options }: RedisOptions): ClusterOptions {
  const isReader = role === 'reader';
  /** What waits for them may have been carried out. */
  const resends = role === 'commands' || role === 'subscriber';
  return {
    redisOptions: options,
    lazyConnect: true,
    clusterRetryStrategy: retryStrategy,
    // A read must not wait in a queue for a cluster that is unavailable: its loop would not learn of it, and could not stop.
    enableOfflineQueue: !isReader,
    enableReadyCheck: true,
    enableAutoPipelining: options.enableAutoPipelining,
    scaleReads: 'master',
    maxRedirections: REDIRECTIONS[role],
    retryDelayOnFailover: resends ? CLUSTER_DELAY_MS : 0,
    retryDelayOnClusterDown: CLUSTER_DELAY_MS,
    retryDelayOnTryAgain: CLUSTER_DELAY_MS,
    // Its timer outlives a client that is closed during a refresh; watchSlots does it.
    slotsRefreshInterval: 0,
  };
}

function reconnectDelay(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_RECONNECT_DELAY_MS);
}
