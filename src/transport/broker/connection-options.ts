import type { RedisOptions } from 'ioredis';

/** Where Redis is and how to reach it. */
export interface RedisConnectionOptions {
  /** `redis://` or `rediss://` (TLS), with user, password, port and database: `redis://user:secret@host:6379/0`. */
  url: string;
  /**
   * Further options of ioredis, such as `tls`. Reconnecting, queueing and timeouts are the transport's own matter:
   * what it sets for them wins.
   */
  redis?: RedisOptions;
}
