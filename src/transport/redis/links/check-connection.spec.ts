import { InvalidOptionError } from '../../entry/client-errors.js';
import { checkConnection } from './check-connection.js';
import type { RedisConnectionOptions } from './connection-options.js';

const NODE = { host: 'redis-1', port: 6379 };
const check = (connection: object) => () => checkConnection(connection as RedisConnectionOptions);

describe('checkConnection', () => {
  it.each([
    { url: 'rediss://user:secret@host:6380/2' },
    { sentinels: [NODE, { host: '::1', port: 26_379 }], name: 'orders', redis: { db: 3 } },
    { cluster: [NODE], redis: { db: 0 }, readPassword: () => 'secret' },
  ])('takes %j', (connection) => {
    expect(check(connection)).not.toThrow();
  });

  it.each([
    ['connection.url', {}],
    ['connection.url', { url: 'redis://:100%@host' }],
    ['connection.sentinels', { url: 'redis://host', sentinels: [NODE], name: 'orders' }],
    ['connection.cluster', { url: 'redis://host', cluster: [NODE] }],
    ['connection.cluster', { sentinels: [NODE], name: 'orders', cluster: [NODE] }],
    ['connection.sentinels', { sentinels: [], name: 'orders' }],
    ['connection.sentinels', { sentinels: 'redis-1:26379', name: 'orders' }],
    ['connection.sentinels[1]', { sentinels: [NODE, { host: 'redis-2' }], name: 'orders' }],
    ['connection.name', { sentinels: [NODE] }],
    ['connection.name', { sentinels: [NODE], name: '' }],
    ['connection.cluster', { cluster: [] }],
    ['connection.cluster[0]', { cluster: [{ host: '', port: 6379 }] }],
    ['connection.cluster[0]', { cluster: [{ host: 'redis-1', port: '6379' }] }],
    ['connection.cluster[0]', { cluster: [{ host: 'redis-1', port: 65_536 }] }],
    ['connection.cluster[0]', { cluster: [undefined] }],
    ['connection.redis.db', { cluster: [NODE], redis: { db: 1 } }],
    ['connection.redis.keyPrefix', { cluster: [NODE], redis: { keyPrefix: 'shop:' } }],
    ['connection.readPassword', { url: 'redis://host', readPassword: 'secret' }],
  ])('names %s in %j', (option, connection) => {
    expect(check(connection)).toThrow(InvalidOptionError);
    expect(check(connection)).toThrow(`Option "${option}"`);
    expect(check(connection)).not.toThrow('secret');
  });
});
