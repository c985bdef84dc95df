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

/** Where one Redis, Sentinel or cluster node listens. */
export interface RedisAddress {
  /** A host name or an IP address. */
  host: string;
  /** 1 to 65535. */
  port: number;
}

/** What every way to reach Redis has in common. */
export interface CommonConnectionOptions {
  /**
   * Further options of ioredis, such as `username`, `password`, `db` and `tls`. Reconnecting, queueing and timeouts are
   * the transport's own matter: what it sets for them wins.
   */
  redis?: RedisOptions;
  /**
   * Reads the password. It is called at every connect, so that a password that was rotated is taken without a restart;
   * it wins over the one in the URL and in `redis`. Keep it quick: nothing else runs meanwhile. When it throws, the
   * password that was read last is tried.
   *
   * @defaultValue the password of `url` or `redis`, as it was at the start
   */
  readPassword?: () => string;
}

/** A single Redis, or whatever answers under one address. */
export interface SingleConnectionOptions extends CommonConnectionOptions {
  /** `redis://` or `rediss://` (TLS), with user, password, port and database: `redis://user:secret@host:6379/0`. */
  url: string;
}

/**
 * A master that Redis Sentinel watches over. Its links follow a failover: the new master is asked for at each connect,
 * and a link to a master that was replaced is cut, also while the old one still answers.
 */
export interface SentinelConnectionOptions extends CommonConnectionOptions {
  /** The Sentinels, tried in turn. Name all: one that is not named is not listened to. */
  sentinels: RedisAddress[];
  /** The name under which the Sentinels know the master, as in `sentinel monitor <name> …`. */
  name: string;
}

/**
 * A Redis Cluster. Stream keys with a dot are tagged there by what precedes the dot, so that all keys of one stream lie
 * in one hash slot: `orders.DLT` is `{orders}.DLT`.
 */
export interface ClusterConnectionOptions extends CommonConnectionOptions {
  /** Nodes to learn the others from; one that answers is enough. */
  cluster: RedisAddress[];
}

/** Where Redis is and how to reach it. */
export type RedisConnectionOptions =
  SingleConnectionOptions | SentinelConnectionOptions | ClusterConnectionOptions;

/** Whether a connection leads to a Redis Cluster, where the names of keys follow its rules. */
export function isCluster(connection: RedisConnectionOptions): connection is ClusterConnectionOptions {
  return 'cluster' in connection;
}
