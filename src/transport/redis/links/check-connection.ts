import { InvalidOptionError } from '../../entry/client-errors.js';
import { checkKnownOptions } from '../../entry/known-options.js';
import type {
  ClusterConnectionOptions,
  CommonConnectionOptions,
  RedisAddress,
  RedisConnectionOptions,
  SentinelConnectionOptions,
  SingleConnectionOptions,
} from './connection-options.js';

/** The three ways to say where Redis is. */
const WAYS = ['url', 'sentinels', 'cluster'] as const;

type Known<T> = Readonly<Record<keyof T, true>>;
const COMMON: Known<CommonConnectionOptions> = { redis: true, readPassword: true };
const KNOWN: Known<SingleConnectionOptions & SentinelConnectionOptions & ClusterConnectionOptions> = {
  ...{ url: true, sentinels: true, name: true, cluster: true },
  ...COMMON,
};
const KNOWN_ADDRESS: Known<RedisAddress> = { host: true, port: true };

/** @throws InvalidOptionError when the connection cannot work; the message never holds a value, which may hold a password */
export function checkConnection(connection: RedisConnectionOptions | undefined): void {
  checkKnownOptions(connection ?? {}, KNOWN, 'connection');
  const given: Partial<Record<string, unknown>> = { ...connection };
  const [way, other] = WAYS.filter((name) => given[name] !== undefined);
  if (other !== undefined) {
    throw new InvalidOptionError(
      `connection.${other}`,
      `cannot be given together with "${way}": name one way to Redis`,
    );
  }
  if (way === 'sentinels') checkSentinels(given);
  else if (way === 'cluster') checkCluster(given, connection?.redis?.db);
  else checkUrl(given.url);
  if (connection?.redis?.keyPrefix) {
    throw new InvalidOptionError(
      'connection.redis.keyPrefix',
      'is not supported: name the streams in "streams"',
    );
  }
  if (given.readPassword !== undefined && typeof given.readPassword !== 'function') {
    throw new InvalidOptionError('connection.readPassword', 'must be a function that returns the password');
  }
}

function checkUrl(url: unknown): void {
  const text = typeof url === 'string' ? url : '';
  if (!URL.canParse(text) || !/^rediss?:$/.test(new URL(text).protocol)) {
    throw new InvalidOptionError(
      'connection.url',
      'must be a URL such as redis://host:6379 or rediss://user:password@host:6379/0',
    );
  }
  try {
    decodeURIComponent(text);
  } catch {
    throw new InvalidOptionError(
      'connection.url',
      'has a % that begins no escape such as %40: write a percent sign, as in a password, as %25',
    );
  }
}

function checkSentinels({ sentinels, name }: Partial<Record<string, unknown>>): void {
  checkAddresses('connection.sentinels', sentinels);
  if (typeof name !== 'string' || name === '') {
    throw new InvalidOptionError(
      'connection.name',
      'must be the name under which the Sentinels know the master',
    );
  }
}

function checkCluster({ cluster }: Partial<Record<string, unknown>>, db: number | undefined): void {
  checkAddresses('connection.cluster', cluster);
  if (db !== undefined && db !== 0) {
    throw new InvalidOptionError('connection.redis.db', 'must be 0: a Redis Cluster has no other database');
  }
}

function checkAddresses(option: string, addresses: unknown): void {
  if (!Array.isArray(addresses) || addresses.length === 0) {
    throw new InvalidOptionError(option, 'must name at least one { host, port }');
  }
  for (const [index, address] of (addresses as unknown[]).entries()) {
    checkKnownOptions(address, KNOWN_ADDRESS, `${option}[${index}]`);
    const { host, port } = (address ?? {}) as Partial<Record<string, unknown>>;
    const hasHost = typeof host === 'string' && host !== '';
    if (!hasHost || !Number.isInteger(port) || Number(port) < 1 || Number(port) > 65_535) {
      throw new InvalidOptionError(
        `${option}[${index}]`,
        'must be { host, port } with a host name and a port from 1 to 65535',
      );
    }
  }
}
