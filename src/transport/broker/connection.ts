import { Redis, type RedisOptions } from 'ioredis';
import type { RedisConnectionOptions } from './connection-options.js';
import { watchHandshake } from './link-watch.js';
import { InvalidOptionError } from '../protocol/errors/invalid-option.error.js';

const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_RECONNECT_DELAY_MS = 1_000;

/**
 * What a connection is for decides what becomes of a command whose answer was lost with the link:
 * - `reader`: rejected at once; a repeated blocking read would deliver twice, and the loop reads again anyway;
 * - `commands`: kept and repeated until Redis is back; every command on it is safe to repeat;
 * - `publisher`: repeated for a short while, then rejected, so that a caller is not left waiting.
 */
export type ConnectionRole = 'reader' | 'commands' | 'publisher';

const RETRIES: Record<ConnectionRole, number | null> = { reader: 0, commands: null, publisher: 2 };

/** Opens a connection that reconnects by itself; it may be used before it is up. */
export function openConnection(
  connection: RedisConnectionOptions,
  role: ConnectionRole,
  name: string,
): Redis {
  const redis = new Redis(connection.url, {
    ...connection.redis,
    ...optionsOf(role),
    connectionName: `${name}:${role}`,
  });
  // Without a listener ioredis prints every failed attempt; whoever uses the connection sees its commands fail.
  redis.on('error', () => undefined);
  watchHandshake(redis);
  return redis;
}

/** @throws InvalidOptionError when the URL is none of Redis's; the message never holds the URL, which may hold a password */
export function checkConnection(connection: RedisConnectionOptions | undefined): void {
  const problem = 'must be a URL such as redis://host:6379 or rediss://user:password@host:6379/0';
  const url = connection?.url ?? '';
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) {
    throw new InvalidOptionError('connection.url', problem);
  }
  if (connection?.redis?.keyPrefix) {
    throw new InvalidOptionError(
      'connection.redis.keyPrefix',
      'is not supported: name the streams in "streams"',
    );
  }
}

function optionsOf(role: ConnectionRole): RedisOptions {
  return {
    lazyConnect: false,
    connectTimeout: CONNECT_TIMEOUT_MS,
    // A dead link never answers the closing handshake, so do not wait for it.
    disconnectTimeout: 100,
    maxRetriesPerRequest: RETRIES[role],
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_RECONNECT_DELAY_MS),
    // A demoted master keeps its links open and refuses writes: look for the new one, but let the caller repeat.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 1 : false),
    enableAutoPipelining: role === 'publisher',
    // A command that is given up here is done in Redis all the same; a read that is given up loses what it brings.
    commandTimeout: undefined,
    blockingTimeout: undefined,
    socketTimeout: undefined,
    enableOfflineQueue: true,
    enableReadyCheck: true,
    autoResendUnfulfilledCommands: true,
    stringNumbers: false,
  };
}
