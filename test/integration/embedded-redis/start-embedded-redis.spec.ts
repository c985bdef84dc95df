import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRedis, type Door } from '../../../src/local/embedded-redis/ask-redis.js';
import { startEmbeddedRedis, type EmbeddedRedis } from '../../../src/local/embedded-redis/index.js';
import { findRedisBinary } from '../../../src/local/embedded-redis/redis-binary.js';
import { pathSource } from '../../../src/local/embedded-redis/redis-sources.js';
import { eventually } from '../../support/eventually.js';
import { startRedis } from '../../support/redis.js';

const SERVICE = join(import.meta.dirname, 'service-with-embedded-redis.js');

let dataDir: string;
const running: EmbeddedRedis[] = [];
const services: ChildProcess[] = [];
const lines: string[] = [];

beforeAll(async () => {
  const redis = await startRedis({ kind: 'process' }); // installs a server where there is none
  await redis.stop();
});

beforeEach(() => {
  dataDir = realpathSync(mkdtempSync(join(tmpdir(), 'embedded-redis-')));
  lines.length = 0;
});

afterEach(async () => {
  for (const service of services.splice(0)) service.kill('SIGKILL');
  for (const redis of running.splice(0)) await redis.stop();
  const leftOver = await start(); // ends what a killed service left
  await leftOver.stop();
  running.length = 0;
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(): Promise<EmbeddedRedis> {
  const redis = await startEmbeddedRedis({ dataDir, log: (line) => lines.push(line), sources: [pathSource] });
  running.push(redis);
  return redis;
}

/** Another process that starts the embedded Redis of the same directory; resolves once it runs. */
async function startService(): Promise<{ service: ChildProcess; door: Door; port: number }> {
  const service = spawn(process.execPath, [SERVICE, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  services.push(service);
  const [url] = (await once(service.stdout, 'data')) as [Buffer];
  const text = url.toString().trim();
  return { service, door: doorOf(text), port: portOf(text) };
}

async function kill(service: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(service, 'exit');
  service.kill(signal);
  const [code] = (await exited) as [number | null];
  return code;
}

const portOf = (url: string): number => Number(new URL(url).port);
const doorOf = (url: string): Door => ({ port: portOf(url), password: new URL(url).password });
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const processIdOn = async (door: Door): Promise<string | undefined> =>
  /process_id:(\d+)/.exec(await askRedis(door, 'INFO server'))?.[1];

/** False also for a zombie that nobody has buried yet. */
const isServing = (pid: number): boolean => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === join(dataDir, 'redis');
  } catch {
    return false;
  }
};

describe('startEmbeddedRedis', () => {
  it('serves on loopback, durable and without eviction', async () => {
    const { url } = await start();
    const settings = await askRedis(
      doorOf(url),
      'CONFIG GET bind appendonly appendfsync maxmemory-policy protected-mode',
    );
    const values = settings.split('\r\n').filter((part) => part !== '' && !/^[*$]/.test(part));
    expect(values).toEqual(
      expect.arrayContaining(['127.0.0.1', 'everysec', 'noeviction', 'appendonly', 'yes', 'protected-mode']),
    );
    expect(values).not.toContain('no');
    expect(lines.at(-1)).toContain(`127.0.0.1:${portOf(url)}`);
  });

  it('keeps port and data over a stop and a start', async () => {
    const first = await start();
    await askRedis(doorOf(first.url), 'XADD orders 1-1 orderId 42');
    await first.stop();
    await expect(askRedis(doorOf(first.url), 'PING')).rejects.toThrow('ECONNREFUSED');

    const second = await start();
    expect(portOf(second.url)).toBe(portOf(first.url));
    expect(await askRedis(doorOf(second.url), 'XLEN orders')).toBe(':1\r\n');
  });

  it('answers nobody without its password, which only its user can read', async () => {
    const { url } = await start();
    expect(await askRedis({ port: portOf(url) }, 'XLEN orders')).toMatch(/^-NOAUTH/);
    expect(readFileSync(`/proc/${String(await processIdOn(doorOf(url)))}/cmdline`, 'utf8')).not.toContain(
      new URL(url).password,
    );
    expect(modeOf(dataDir)).toBe('700');
    for (const file of ['redis.url', 'redis/redis.conf']) expect(modeOf(join(dataDir, file))).toBe('600');
    expect(modeOf(join(dataDir, 'redis', 'redis.sock'))).toBe('700');
    expect(lines.join()).not.toContain(new URL(url).password);
  });

  it('closes a directory that others can look into', async () => {
    chmodSync(dataDir, 0o755);
    await start();
    expect(modeOf(dataDir)).toBe('700');
  });

  it('has another password at each start', async () => {
    const first = await start();
    await first.stop();
    const second = await start();
    expect(new URL(second.url).password).not.toBe(new URL(first.url).password);
    expect(await askRedis(doorOf(second.url), 'PING')).toBe('+PONG\r\n');
  });

  it('gives its password to nobody who holds its port, and kills nobody who claims to be it', async () => {
    const first = await start();
    await first.stop();
    const heard: string[] = [];
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], {
      cwd: join(dataDir, 'redis'), // as a shell may be that looks at the data
    });
    const impostor = createServer((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (data) => {
          heard.push(data.toString());
          socket.end(
            `$99\r\n# Server\r\nprocess_id:${bystander.pid}\r\ndir\r\n${join(dataDir, 'redis')}\r\n`,
          );
        });
    });
    impostor.listen(portOf(first.url), '127.0.0.1');
    await once(impostor, 'listening');
    try {
      const second = await start();
      expect(portOf(second.url)).not.toBe(portOf(first.url));
      await second.stop();
      expect(heard).toEqual([]);
      expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    } finally {
      impostor.close();
      bystander.kill('SIGKILL');
    }
  });

  it('kills no process that was given the id of a server that is gone', async () => {
    const { service, door } = await startService();
    const pid = Number(await processIdOn(door));
    await kill(service, 'SIGKILL');
    process.kill(pid, 'SIGKILL');
    await eventually(() => (isServing(pid) ? undefined : true));
    const record = join(dataDir, 'redis', 'redis.process');
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], {
      cwd: join(dataDir, 'redis'),
    });
    try {
      writeFileSync(record, readFileSync(record, 'utf8').replace(/^\d+/, String(bystander.pid)));
      await start();
      expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
    } finally {
      bystander.kill('SIGKILL');
    }
  });

  it('takes a lock that a full disk left empty', async () => {
    const lock = join(dataDir, 'redis.lock');
    writeFileSync(lock, '');
    const longAgo = new Date(Date.now() - 60_000);
    utimesSync(lock, longAgo, longAgo);
    const { url } = await start();
    expect(await askRedis(doorOf(url), 'PING')).toBe('+PONG\r\n');
  });

  it('takes another port when the remembered one is taken', async () => {
    const blocker = createServer();
    blocker.listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    writeFileSync(join(dataDir, 'redis.url'), `redis://:password@127.0.0.1:${port}`);
    try {
      const { url } = await start();
      expect(portOf(url)).not.toBe(port);
      expect(await askRedis(doorOf(url), 'PING')).toBe('+PONG\r\n');
    } finally {
      blocker.close();
    }
  });

  it('does not take the Redis of someone else for its own', async () => {
    const stranger = await startRedis({ kind: 'process' });
    writeFileSync(join(dataDir, 'redis.url'), `redis://:password@127.0.0.1:${stranger.port}`);
    try {
      const redis = await start();
      expect(portOf(redis.url)).not.toBe(stranger.port);
      await redis.stop();
      expect(await askRedis({ port: stranger.port }, 'PING')).toBe('+PONG\r\n');
    } finally {
      await stranger.stop();
    }
  });

  it('ends what a killed service left behind, and goes on with its data on its port', async () => {
    const { service, door, port } = await startService();
    await askRedis(door, 'SET order 42');
    const pid = await processIdOn(door);
    await kill(service, 'SIGKILL');
    expect(await processIdOn(door)).toBe(pid); // the orphan

    const redis = await start();
    expect(portOf(redis.url)).toBe(port);
    expect(await processIdOn(doorOf(redis.url))).not.toBe(pid);
    expect(isServing(Number(pid))).toBe(false);
    expect(await askRedis(doorOf(redis.url), 'GET order')).toBe('$2\r\n42\r\n');
  });

  it('ends a server that was left behind and hangs, before it starts one on the same data', async () => {
    const { service, door } = await startService();
    await askRedis(door, 'SET order 42');
    const pid = Number(await processIdOn(door));
    await kill(service, 'SIGKILL');
    process.kill(pid, 'SIGSTOP');

    const redis = await start();
    expect(await processIdOn(doorOf(redis.url))).not.toBe(String(pid));
    expect(await askRedis(doorOf(redis.url), 'GET order')).toBe('$2\r\n42\r\n');
    expect(isServing(pid)).toBe(false);
  });

  it('is shared by two services of one directory; the last one ends it', async () => {
    const { service, door, port } = await startService();
    const redis = await start();
    expect(portOf(redis.url)).toBe(port);
    expect(await kill(service, 'SIGTERM')).toBe(0);
    expect(await askRedis(door, 'PING')).toBe('+PONG\r\n');
    await redis.stop();
    await expect(askRedis(door, 'PING')).rejects.toThrow('ECONNREFUSED');
  });

  it('is started again for those who share it, under the password that they know', async () => {
    const { service, door } = await startService();
    const redis = await start();
    process.kill(Number(await processIdOn(door)), 'SIGKILL');
    await eventually(() =>
      askRedis(door, 'PING').then(
        () => undefined,
        () => true,
      ),
    );
    const third = await start();
    expect(third.url).toBe(redis.url);
    expect(await askRedis(door, 'PING')).toBe('+PONG\r\n');
    await third.stop();
    running.pop();
    await redis.stop(); // both are of this process, and hold one lease
    expect(await askRedis(door, 'PING')).toBe('+PONG\r\n');
    expect(await kill(service, 'SIGTERM')).toBe(0);
    await expect(askRedis(door, 'PING')).rejects.toThrow('ECONNREFUSED');
  });

  it('ends with a service that exits without stopping it', async () => {
    const { service, door } = await startService();
    expect(await kill(service, 'SIGUSR2')).toBe(1);
    await eventually(() =>
      expect(askRedis(door, 'PING'))
        .rejects.toThrow('ECONNREFUSED')
        .then(() => true),
    );
  });

  it('tells why the server did not start', async () => {
    const redis = await start();
    await redis.stop();
    const manifest = join(dataDir, 'redis', 'appendonlydir', 'appendonly.aof.manifest');
    writeFileSync(manifest, `${readFileSync(manifest, 'utf8')}this is no manifest\n`);
    await expect(start()).rejects.toThrow(/did not start on .*manifest/is);
    rmSync(join(dataDir, 'redis'), { recursive: true });
  });

  it('tells when it has no place for its data', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    await expect(startEmbeddedRedis({ dataDir: file, log: () => undefined })).rejects.toThrow(
      /cannot keep its data in .*file.*Set REDIS_URL/,
    );
  });

  it('names the three ways when none is open', async () => {
    const none = { findRunning: () => Promise.resolve(undefined) };
    const sources = ['no redis-server on PATH', 'no Docker engine answers'].map((unavailable) => ({
      ...none,
      start: () => Promise.resolve({ unavailable }),
    }));
    await expect(startEmbeddedRedis({ dataDir, log: () => undefined, sources })).rejects.toThrow(
      /no redis-server on PATH; no Docker engine answers.*install redis-server.*start Docker.*REDIS_URL/s,
    );
  });
});

describe('findRedisBinary', () => {
  it('refuses a server without functions and tells its version', async () => {
    writeFileSync(join(dataDir, 'redis-server'), '#!/bin/sh\necho "Redis server v=6.0.16 sha=0"\n', {
      mode: 0o755,
    });
    expect(await findRedisBinary(dataDir)).toEqual({
      unavailable: `${join(dataDir, 'redis-server')} is 6.0.16, 7.0 is needed`,
    });
  });

  it('takes a Valkey', async () => {
    writeFileSync(join(dataDir, 'valkey-server'), '#!/bin/sh\necho "Valkey server v=8.1.1 sha=0"\n', {
      mode: 0o755,
    });
    expect(await findRedisBinary(dataDir)).toEqual({
      path: join(dataDir, 'valkey-server'),
      product: 'Valkey 8.1.1',
    });
  });

  it('tells when there is none', async () => {
    expect(await findRedisBinary(dataDir)).toEqual({
      unavailable: 'no redis-server or valkey-server on PATH',
    });
  });
});
