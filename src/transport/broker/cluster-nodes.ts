import type { Cluster, Redis } from 'ioredis';

/** The links of a cluster's connection, one per node. */
export function nodesOf(redis: Redis, role: 'all' | 'master' = 'all'): Redis[] {
  return clusterOf(redis).nodes(role);
}

/** Learns anew which node has which slot. */
export function refreshSlots(redis: Redis): void {
  clusterOf(redis).refreshSlotsCache();
}

/** Learns it anew every so often. @returns a function that ends it */
export function watchSlots(redis: Redis, everyMs: number): () => void {
  const timer = setInterval(() => {
    if (redis.status === 'ready') refreshSlots(redis);
  }, everyMs).unref();
  return () => clearInterval(timer);
}

/** The link to the node that an error `ASK <slot> <host>:<port>` names, if it names one that is known. */
export function askedNode(redis: Redis, error: Error | null | undefined): Redis | undefined {
  const [, address] = /^ASK \d+ (\S+)$/.exec(error?.message ?? '') ?? [];
  return nodesOf(redis).find(({ options: { host, port } }) => `${host ?? ''}:${port ?? 0}` === address);
}

/** {@link openConnection} gives both kinds of connection the type of a single one. */
function clusterOf(redis: Redis): Cluster {
  return redis as unknown as Cluster;
}
