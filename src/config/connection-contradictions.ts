import { CONNECTION_VARIABLES as NAMES } from './connection-variables.js';
import type { Config } from './config.js';

const WAYS = ['redisUrl', 'redisSentinels', 'redisClusterNodes'] as const;
/** Each needs a Redis that is not the service's own. */
const NEED_A_WAY = ['redisUsername', 'redisPassword', 'redisDb'] as const;
const TLS_DETAILS = ['redisTlsCaFile', 'redisTlsCertFile', 'redisTlsKeyFile', 'redisTlsServerName'] as const;

type Property = (typeof WAYS)[number] | keyof typeof NAMES;

/** One sentence for each pair of connection variables that cannot hold together. */
export function connectionContradictionsIn(config: Config): string[] {
  const problems: string[] = [];
  const isSet = (property: Property): boolean => config[property] !== undefined;
  const refuse = (isWrong: boolean, sentence: string): void => {
    if (isWrong) problems.push(sentence);
  };
  const ways = WAYS.filter(isSet);
  refuse(ways.length > 1, `${ways.map(nameOf).join(' and ')} cannot be set together: name one way to Redis`);
  const anyWay = WAYS.map(nameOf).join(', ');
  refuse(config.embeddedRedis === 'off' && ways.length === 0, `EMBEDDED_REDIS=off needs one of ${anyWay}`);
  for (const property of NEED_A_WAY) {
    refuse(isSet(property) && ways.length === 0, `${nameOf(property)} needs one of ${anyWay}`);
  }
  refuse(config.redisTls === 'on' && ways.length === 0, `REDIS_TLS=on needs one of ${anyWay}`);
  refuse(config.waitReplicas > 0 && ways.length === 0, `WAIT_REPLICAS needs one of ${anyWay}`);

  refuse(
    isSet('redisSentinels') !== isSet('redisSentinelName'),
    'REDIS_SENTINELS and REDIS_SENTINEL_NAME need each other',
  );
  for (const property of ['redisSentinelUsername', 'redisSentinelPassword'] as const) {
    refuse(isSet(property) && !isSet('redisSentinels'), `${nameOf(property)} needs REDIS_SENTINELS`);
  }
  refuse(
    isSet('redisClusterNodes') && (config.redisDb ?? 0) !== 0,
    'REDIS_DB must be 0 with REDIS_CLUSTER_NODES: a cluster has no other database',
  );

  const url = config.redisUrl === undefined ? undefined : new URL(config.redisUrl);
  refuse(!!url?.username && isSet('redisUsername'), 'REDIS_URL and REDIS_USERNAME both name a user; use one');
  refuse(
    !!url?.password && isSet('redisPassword'),
    'REDIS_URL and REDIS_PASSWORD both hold a password; use one',
  );
  refuse(url !== undefined && isSet('redisDb'), 'REDIS_DB cannot be set with REDIS_URL: put it into the URL');

  refuse(
    url?.protocol === 'redis:' && config.redisTls === 'on',
    'REDIS_TLS=on contradicts a REDIS_URL with redis://; use rediss://',
  );
  const isEncrypted = config.redisTls === 'on' || url?.protocol === 'rediss:';
  for (const property of TLS_DETAILS) {
    refuse(
      isSet(property) && !isEncrypted,
      `${nameOf(property)} needs REDIS_TLS=on or a REDIS_URL with rediss://`,
    );
  }
  refuse(
    isSet('redisTlsCertFile') !== isSet('redisTlsKeyFile'),
    'REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE need each other',
  );
  return problems;
}

function nameOf(property: Property): string {
  return property === 'redisUrl' ? 'REDIS_URL' : NAMES[property].name;
}
