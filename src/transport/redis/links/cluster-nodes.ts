import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { failureOf } from '../redis-failure.js';

/** How long a command waits that a cluster refused for now, in milliseconds. */
const REFUSED_DELAY_MS = 50;

/** The links of a cluster's connection, one per node. */
export function nodesOf(redis: Redis, role: 'all' | 'master' = 'all'): Redis[] {
  return clusterOf(redis).nodes(role);
}

/** Learns again which node has which slot. */
export function refreshSlots(redis: Redis): void {
  clusterOf(redis).refreshSlotsCache();
}

/**
 * Repeats what a cluster refused because the slot is on the move. ioredis does so for what it sends alone, not for what
 * it sends in a pipeline.
 */
export async function repeatWhileSlotsMove<T>(
  redis: Redis,
  send: () => Promise<T>,
  isOver: () => boolean,
): Promise<T> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (failureOf(error) !== 'cluster-changes' || isOver()) throw error;
    }
    refreshSlots(redis);
    await delay(REFUSED_DELAY_MS);
  }
}

/** Learns it again every so often. @returns a function that ends it */
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
