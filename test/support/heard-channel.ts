import type { Redis } from 'ioredis';
import { subscribeToChannel, type RedisConnectionOptions } from '../../src/transport/index.js';
import { eventually } from './eventually.js';
import { uniqueName } from './unique-name.js';

/** A channel that a subscription listens to. */
export interface HeardChannel {
  /** Publishes until what was published is heard. */
  hears(redis: Redis): Promise<void>;
  end(): void;
}

export function hearChannel(connection: RedisConnectionOptions): HeardChannel {
  const channel = uniqueName('channel');
  const heard = new Set<string>();
  const refusals: unknown[] = [];
  const end = subscribeToChannel(connection, channel, {
    onMessage: (message) => heard.add(message),
    onRefused: (error) => refusals.push(error),
  });
  return {
    async hears(redis) {
      const message = uniqueName('message');
      await eventually(
        async () => {
          if (refusals.length > 0) throw refusals[0];
          await redis.publish(channel, message);
          return heard.has(message) ? true : undefined;
        },
        { timeoutMs: 60_000 },
      );
    },
    end,
  };
}
