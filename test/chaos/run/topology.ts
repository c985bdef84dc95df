import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { openConnection } from '../../../src/transport/redis/links/connection.js';
import type { RedisConnectionOptions } from '../../../src/transport/index.js';
import { ClusterWorld } from '../../support/cluster.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { SentinelWorld } from '../../support/sentinel.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import type { Settings } from '../settings.js';

/** How Redis is set up. */
export const TOPOLOGIES = ['alone', 'sentinel', 'cluster'] as const;
export type TopologyName = (typeof TOPOLOGIES)[number];

/** The Redis of a run, and the ways to it. */
export interface Topology {
  /** A single Redis, if it is one. */
  readonly alone?: TestRedis;
  /** A link for each process, and behind them that of the producer, where faults strike links. */
  readonly links: readonly TcpProxy[];
  readonly sentinel?: SentinelWorld;
  readonly cluster?: ClusterWorld;
  /** @param slot - a process, or the number of processes for the producer */
  connectionOf(slot: number): RedisConnectionOptions;
  /** The run's own way: no fault of a link touches it, and it follows the master. */
  open(): Redis;
  /** Resolves when every node is back and in step. */
  whenWhole(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts what the settings ask for. */
export function startTopology(settings: Settings, directory: string, viaProxies: boolean): Promise<Topology> {
  switch (settings.redis) {
    case 'alone':
      return startAlone(settings, directory, viaProxies);
    case 'sentinel':
      return startSentinel(persistence(settings));
    case 'cluster':
      return startCluster(persistence(settings));
  }
}

/** Environment by which the service finds a Redis. */
export function environmentOf(connection: RedisConnectionOptions): Record<string, string> {
  const list = (addresses: readonly { host: string; port: number }[]): string =>
    addresses.map(({ host, port }) => `${host}:${port}`).join(',');
  if ('url' in connection) return { REDIS_URL: connection.url };
  if ('cluster' in connection) return { REDIS_CLUSTER_NODES: list(connection.cluster) };
  return { REDIS_SENTINELS: list(connection.sentinels), REDIS_SENTINEL_NAME: connection.name };
}

async function startAlone(settings: Settings, directory: string, viaProxies: boolean): Promise<Topology> {
  const alone = await startRedis({
    kind: 'process',
    args: ['--dir', join(directory, 'redis'), ...persistence(settings)],
  });
  const count = viaProxies ? settings.processes + 1 : 0;
  const links = await Promise.all(Array.from({ length: count }, () => startProxy(alone.host, alone.port)));
  return {
    ...{ alone, links },
    connectionOf(slot) {
      const port = links[slot]?.port;
      return { url: port === undefined ? alone.url : `redis://127.0.0.1:${port}` };
    },
    open: () => openRedis(alone.url),
    whenWhole: () => Promise.resolve(),
    async stop() {
      await Promise.all(links.map((link) => link.stop()));
      await alone.stop();
    },
  };
}

async function startSentinel(args: readonly string[]): Promise<Topology> {
  const sentinel = await SentinelWorld.start(args);
  return {
    ...{ sentinel, links: [] },
    connectionOf: () => sentinel.connection,
    open: () => openConnection(sentinel.connection, 'commands', 'chaos'),
    whenWhole: () => sentinel.whenWhole(),
    stop: () => sentinel.stop(),
  };
}

async function startCluster(args: readonly string[]): Promise<Topology> {
  const cluster = await ClusterWorld.start(args);
  return {
    ...{ cluster, links: [] },
    connectionOf: () => cluster.connection,
    open: () => openConnection(cluster.connection, 'commands', 'chaos'),
    whenWhole: () => cluster.whenWhole(),
    stop: () => cluster.stop(),
  };
}

function persistence({ fsync }: Settings): string[] {
  return fsync === 'off' ? [] : ['--appendonly', 'yes', '--appendfsync', fsync];
}
