import type { Redis, RedisOptions } from 'ioredis';

/**
 * Has a client ask for its password whenever it connects. ioredis looks at its options each time; a cluster makes its
 * nodes one by one, and asks them over links that it copies from them.
 */
export function readPasswordAtEachConnect(redis: Redis, readPassword: () => string): void {
  let last: string | undefined;
  const get = (): string | undefined => {
    try {
      last = readPassword();
    } catch {
      // A file that is being replaced is there again at the next attempt.
    }
    return last;
  };
  const attach = (options: RedisOptions): void => {
    Object.defineProperty(options, 'password', { get, enumerable: true, configurable: true });
  };
  if (redis.isCluster) redis.on('+node', (node: Redis) => attach(node.options));
  else attach(redis.options);
}
