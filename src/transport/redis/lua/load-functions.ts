import type { RedisConnectionOptions } from '../links/connection-options.js';
import { cutConnection, openConnection } from '../links/connection.js';
import { RedisUnavailableError } from '../../entry/client-errors.js';
import { FunctionLibrary } from './function-library.js';

/** How long Redis may take to load the library, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * Loads the function library of this version into Redis, unless it is there: for a user who may do only that, before
 * processes start that may not. Other versions of the library stay. On a Redis Cluster every master is given it.
 *
 * @param connection - Redis, and a user with `+function|load +info +client|setname`, on a cluster also
 * `+cluster|slots +cluster|info +readonly`
 * @throws MissingPermissionError when the user may not load it
 * @throws RedisUnavailableError when Redis does not answer within ten seconds
 */
export async function loadFunctions(connection: RedisConnectionOptions): Promise<void> {
  const redis = openConnection(connection, 'commands', 'order-streams:deploy');
  let linkError: Error | undefined;
  for (const event of ['error', 'node error']) {
    redis.on(event, (error: Error) => {
      linkError = error;
    });
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      const reason = linkError === undefined ? '' : `: ${linkError.message}`;
      const message = `Redis did not load the function library within ${TIMEOUT_MS} ms${reason}`;
      reject(new RedisUnavailableError(message, true, { cause: linkError }));
    }, TIMEOUT_MS);
  });
  try {
    await Promise.race([new FunctionLibrary(redis).loadEverywhere(), late]);
  } finally {
    clearTimeout(timer);
    cutConnection(redis);
  }
}
