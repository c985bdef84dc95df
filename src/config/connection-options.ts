import { readFileSync } from 'node:fs';
import type { RedisConnectionOptions } from '../transport/index.js';
import type { Config } from './config.js';
import { readSecret } from './secret-text.js';

type Details = NonNullable<RedisConnectionOptions['redis']>;

/** The Redis that the configuration names, if it names one; the service starts one of its own otherwise. */
export function connectionOptions(config: Config): RedisConnectionOptions | undefined {
  const { redisUrl, redisSentinels, redisSentinelName, redisClusterNodes } = config;
  const common = { redis: detailsOf(config), ...rotationOf(config) };
  if (redisClusterNodes) return { cluster: [...redisClusterNodes], ...common };
  if (redisSentinels && redisSentinelName !== undefined) {
    return { sentinels: [...redisSentinels], name: redisSentinelName, ...common };
  }
  return redisUrl === undefined ? undefined : { url: redisUrl, ...common };
}

function detailsOf(config: Config): Details {
  const { redisUsername, redisPassword, redisDb, redisSentinelUsername, redisSentinelPassword } = config;
  const tls = tlsOf(config);
  return {
    ...(redisUsername !== undefined && { username: redisUsername }),
    ...(redisPassword !== undefined && { password: redisPassword }),
    ...(redisDb !== undefined && { db: redisDb }),
    ...(redisSentinelUsername !== undefined && { sentinelUsername: redisSentinelUsername }),
    ...(redisSentinelPassword !== undefined && { sentinelPassword: redisSentinelPassword }),
    ...(tls && { tls, sentinelTLS: tls }),
  };
}

function tlsOf(config: Config): Details['tls'] {
  const { redisTlsCaFile, redisTlsCertFile, redisTlsKeyFile, redisTlsServerName } = config;
  if (config.redisTls === 'off' && !config.redisUrl?.startsWith('rediss://')) return undefined;
  return {
    ...(redisTlsCaFile !== undefined && { ca: readFileSync(redisTlsCaFile) }),
    ...(redisTlsCertFile !== undefined && { cert: readFileSync(redisTlsCertFile) }),
    ...(redisTlsKeyFile !== undefined && { key: readFileSync(redisTlsKeyFile) }),
    ...(redisTlsServerName !== undefined && { servername: redisTlsServerName }),
  };
}

/** A password that lies in a file is read again at each connect: it may have been rotated. */
function rotationOf({ secretFiles }: Config): Pick<RedisConnectionOptions, 'readPassword'> {
  const { redisPassword, redisUrl } = secretFiles;
  if (redisPassword !== undefined) return { readPassword: () => readSecret(redisPassword) };
  if (redisUrl === undefined) return {};
  return { readPassword: () => decodeURIComponent(new URL(readSecret(redisUrl)).password) };
}
