import { cutConnection, openConnection } from './connection.js';
import type { RedisConnectionOptions } from './connection-options.js';
import { watchSilence } from './link-watch.js';

/** Who hears what is published on a channel. */
export interface ChannelListener {
  /** Given each message that is published while the link is up. */
  readonly onMessage: (message: string) => void;
  /** Called when Redis refuses to let this user hear it. */
  readonly onRefused: (error: unknown) => void;
}

/**
 * Hears what is published on a channel from now on, over a link of its own that is kept as every link of the transport
 * is: it follows a failover, and takes a rotated password. Pub/Sub keeps nothing: what is published while the link is
 * down is not heard.
 *
 * @returns a function that ends it
 */
export function subscribeToChannel(
  connection: RedisConnectionOptions,
  channel: string,
  { onMessage, onRefused }: ChannelListener,
): () => void {
  const redis = openConnection(connection, 'subscriber', 'order-streams');
  const endWatch = watchSilence(redis);
  let isOver = false;
  redis.on('message', (_channel: string, message: string) => onMessage(message));
  // When the link is made again ioredis subscribes again by itself.
  redis.subscribe(channel).catch((error: unknown) => {
    if (!isOver) onRefused(error);
  });
  return () => {
    isOver = true;
    endWatch();
    cutConnection(redis);
  };
}
