import { Redis } from 'ioredis';
import type { SentinelConnectionOptions } from './connection-options.js';
import { reconnect } from './link-watch.js';

/** What a Sentinel publishes when another master took over: `<name> <old ip> <old port> <new ip> <new port>`. */
const SWITCHED = '+switch-master';
const RETRY_MS = 1_000;

/**
 * Cuts the link when a Sentinel says that another master took over. An old master that is cut off from its Sentinels
 * and replicas goes on answering: every write that it still takes is lost when it comes back.
 *
 * The `failoverDetector` of ioredis is not used: while a client looks for the master, the detector of its former link
 * can end it for good, and its links print what goes wrong with them.
 *
 * @returns a function that ends the watch
 */
export function watchFailover(
  redis: Redis,
  { sentinels, name, redis: options }: SentinelConnectionOptions,
): () => void {
  let last: string | undefined;
  const links = sentinels.map(({ host, port }) => {
    const link = new Redis({
      host,
      port,
      username: options?.sentinelUsername,
      password: options?.sentinelPassword ?? undefined,
      tls: options?.sentinelTLS,
      connectTimeout: RETRY_MS,
      disconnectTimeout: 100,
      retryStrategy: () => RETRY_MS,
      maxRetriesPerRequest: null,
      enableReadyCheck: false,
    });
    link.on('error', () => undefined);
    link.on('message', (_channel: string, message: string) => {
      // Each Sentinel reports it; the link to the new master must not be cut again.
      if (!message.startsWith(`${name} `) || message === last) return;
      last = message;
      reconnect(redis);
    });
    link.subscribe(SWITCHED).catch(() => undefined);
    return link;
  });
  return () => {
    for (const link of links) link.disconnect();
  };
}
