import type { Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { nodesOf } from './cluster-nodes.js';

const PING_EVERY_MS = 1_000;
const SILENCE_LIMIT_MS = 2_000;

/**
 * Cuts the link, so that ioredis makes a new one. Its own `socketTimeout` is not used: a timer that it armed before a
 * reconnect is not disarmed by it, and cuts the new, healthy link.
 */
export function reconnect(redis: Redis): void {
  if (redis.isCluster) {
    // It finds its nodes again by itself.
    for (const node of nodesOf(redis)) reconnect(node);
  } else if (redis.status === 'ready' || redis.status === 'connect') redis.disconnect(true);
}

/**
 * Reconnects when a server accepts the connection and then stays silent: from `connect` to `ready` ioredis asks for
 * INFO and waits for it without limit.
 */
export function watchHandshake(redis: Redis): void {
  if (redis.isCluster) {
    redis.on('+node', watchHandshake);
    return;
  }
  let deadline: NodeJS.Timeout | undefined;
  const disarm = (): void => clearTimeout(deadline);
  redis
    .on('connect', () => {
      disarm();
      deadline = setTimeout(() => reconnect(redis), SILENCE_LIMIT_MS).unref();
    })
    .on('ready', disarm)
    .on('close', disarm);
}

/**
 * Keeps a link that fails twice from ending the process: ioredis hears the first error of a socket only, and a TLS
 * handshake that is broken off fails on both sides.
 */
export function hearAllErrors(redis: Redis): void {
  if (redis.isCluster) redis.on('+node', hearAllErrors);
  else
    redis.on('error', () => void (redis.stream as Socket | null)?.off('error', ignore).on('error', ignore));
}

function ignore(): void {
  // What went wrong first was reported already.
}

/**
 * Reconnects when a link that looks healthy is dead (a peer that vanished without closing, a firewall that drops):
 * pings every second, and expects the answer within two.
 *
 * @returns a function that ends the watch
 */
export function watchSilence(redis: Redis): () => void {
  return redis.isCluster ? watchNodes(redis) : watchLink(redis);
}

/** Each node of a cluster has a link of its own, from when it is found until it is given up. */
function watchNodes(redis: Redis): () => void {
  const watches = new Set<() => void>();
  const watch = (node: Redis): void => {
    const end = watchLink(node);
    watches.add(end);
    node.once('end', () => {
      end();
      watches.delete(end);
    });
  };
  redis.on('+node', watch);
  return () => {
    redis.off('+node', watch);
    for (const end of watches) end();
  };
}

function watchLink(redis: Redis): () => void {
  let deadline: NodeJS.Timeout | undefined;
  const disarm = (): void => {
    clearTimeout(deadline);
    deadline = undefined;
  };
  redis.on('close', disarm);
  const timer = setInterval(() => {
    if (redis.status !== 'ready' || deadline !== undefined) return;
    deadline = setTimeout(() => {
      disarm();
      reconnect(redis);
    }, SILENCE_LIMIT_MS).unref();
    redis.ping().then(disarm, disarm);
  }, PING_EVERY_MS).unref();

  return () => {
    clearInterval(timer);
    disarm();
    redis.off('close', disarm);
  };
}
