import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { askRedis } from '../../../src/local/embedded-redis/ask-redis.js';
import { eventually } from '../../support/eventually.js';
import { startRedis, type RedisKind, type TestRedis } from '../../support/redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';

const kinds: (RedisKind | undefined)[] = ['process', undefined];

describe.each(kinds)('a Redis of a test (kind: %s)', (kind) => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis({ aof: true, ...(kind === undefined ? {} : { kind }) });
  });
  afterAll(() => redis.stop());

  it('keeps port and data over a kill and a restart', async () => {
    expect(await askRedis({ port: redis.port }, 'SET order 42')).toBe('+OK\r\n');
    await redis.kill();
    await expect(askRedis({ port: redis.port }, 'PING')).rejects.toThrow('ECONNREFUSED');
    await redis.restart();
    expect(await askRedis({ port: redis.port }, 'GET order')).toBe('$2\r\n42\r\n');
  });
});

it('shares one Redis over the run', async () => {
  expect(await askRedis({ port: Number(new URL(sharedRedisUrl()).port) }, 'PING')).toBe('+PONG\r\n');
});

describe('startProxy', () => {
  let proxy: TcpProxy;
  let socket: Socket;
  beforeEach(async () => {
    proxy = await startProxy('127.0.0.1', Number(new URL(sharedRedisUrl()).port));
    socket = connect({ host: '127.0.0.1', port: proxy.port });
    await once(socket, 'connect');
  });
  afterEach(async () => {
    socket.destroy();
    await proxy.stop();
  });

  it('passes on', async () => {
    await expect(askRedis({ port: proxy.port }, 'PING')).resolves.toBe('+PONG\r\n');
  });

  it('swallows everything while it is a black hole, and heals', async () => {
    proxy.blackhole();
    await expect(askRedis({ port: proxy.port }, 'PING', 200)).rejects.toThrow('no answer');
    expect(socket.destroyed).toBe(false);
    await proxy.heal();
    await expect(askRedis({ port: proxy.port }, 'PING')).resolves.toBe('+PONG\r\n');
  });

  it('cuts connections and serves new ones', async () => {
    await expect(askRedis({ port: proxy.port }, 'PING')).resolves.toBe('+PONG\r\n');
    proxy.cut();
    await eventually(() => (socket.destroyed ? true : undefined));
    await expect(askRedis({ port: proxy.port }, 'PING')).resolves.toBe('+PONG\r\n');
  });

  it('refuses connections until it is healed', async () => {
    await proxy.refuse();
    await expect(askRedis({ port: proxy.port }, 'PING')).rejects.toThrow('ECONNREFUSED');
    await proxy.heal();
    await expect(askRedis({ port: proxy.port }, 'PING')).resolves.toBe('+PONG\r\n');
  });
});
