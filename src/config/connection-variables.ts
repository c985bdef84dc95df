import { addresses, hostName, matching, oneOf, readableFile, redisName, wholeNumber } from './kinds.js';
import { optional, variable } from './variable.js';

const text = matching(/^[^\n\r]{1,1024}$/, '1 to 1024 characters in one line');

/** Every environment variable that says how to reach Redis, in addition to `REDIS_URL`. */
export const CONNECTION_VARIABLES = {
  redisSentinels: optional('REDIS_SENTINELS', addresses, {
    description: 'The Sentinels that know the master, instead of `REDIS_URL`',
  }),
  redisSentinelName: optional('REDIS_SENTINEL_NAME', redisName, {
    description: 'The name under which they know it',
  }),
  redisSentinelUsername: optional('REDIS_SENTINEL_USERNAME', text, {
    description: 'User at the Sentinels themselves',
  }),
  redisSentinelPassword: optional('REDIS_SENTINEL_PASSWORD', text, {
    description: 'Password at the Sentinels themselves',
    secret: true,
  }),
  redisClusterNodes: optional('REDIS_CLUSTER_NODES', addresses, {
    description: 'Nodes of a Redis Cluster, instead of `REDIS_URL`; one that answers is enough',
  }),
  redisUsername: optional('REDIS_USERNAME', text, { description: 'User at Redis' }),
  redisPassword: optional('REDIS_PASSWORD', text, { description: 'Password at Redis', secret: true }),
  redisDb: optional('REDIS_DB', wholeNumber(0, 65_535), {
    description: 'Database at the master that the Sentinels name',
  }),
  redisTls: variable('REDIS_TLS', oneOf('on', 'off'), {
    default: 'off',
    description: 'Encrypted links, where no `rediss://` URL asks for them; certificates are always verified',
  }),
  redisTlsCaFile: optional('REDIS_TLS_CA_FILE', readableFile, {
    description: 'Certificates of the authorities to trust, PEM',
    defaultText: 'those of Node',
  }),
  redisTlsCertFile: optional('REDIS_TLS_CERT_FILE', readableFile, {
    description: 'Certificate that this service shows, PEM',
  }),
  redisTlsKeyFile: optional('REDIS_TLS_KEY_FILE', readableFile, {
    description: 'Key of that certificate, PEM',
  }),
  redisTlsServerName: optional('REDIS_TLS_SERVER_NAME', hostName, {
    description: 'Name that the certificates of Redis must bear',
    defaultText: 'the host that is connected to',
  }),
  waitReplicas: variable('WAIT_REPLICAS', wholeNumber(0, 100), {
    default: 0,
    description: 'Replicas that must have an order before it is accepted',
  }),
  waitReplicasTimeoutMs: variable('WAIT_REPLICAS_TIMEOUT_MS', wholeNumber(1, 1_999), {
    default: 500,
    description: 'How long they may take, in milliseconds; after that the answer is 503',
  }),
} as const;
