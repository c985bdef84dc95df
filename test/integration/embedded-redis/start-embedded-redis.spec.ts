import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askRedis } from '../../../src/embedded-redis/ask-redis.js';
import { startEmbeddedRedis, type EmbeddedRedis } from '../../../src/embedded-redis/index.js';
import { findRedisBinary } from '../../../src/embedded-redis/redis-binary.js';
import { pathSource } from '../../../src/embedded-redis/redis-sources.js';
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
}, 120_000);

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
async function startService(): Promise<{ service: ChildProcess; port: number }> {
  const service = spawn(process.execPath, [SERVICE, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  services.push(service);
  const [url] = (await once(service.stdout, 'data')) as [Buffer];
  return { service, port: portOf(url.toString().trim()) };
}

async function kill(service: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(service, 'exit');
  service.kill(signal);
  const [code] = (await exited) as [number | null];
  return code;
}

const portOf = (url: string): number => Number(new URL(url).port);
const processIdOn = async (port: number): Promise<string | undefined> =>
  /process_id:(\d+)/.exec(await askRedis(port, 'INFO server'))?.[1];

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
      portOf(url),
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
    await askRedis(portOf(first.url), 'XADD orders 1-1 orderId 42');
    await first.stop();
    await expect(askRedis(portOf(first.url), 'PING')).rejects.toThrow('ECONNREFUSED');

    const second = await start();
    expect(second.url).toBe(first.url);
    expect(await askRedis(portOf(second.url), 'XLEN orders')).toBe(':1\r\n');
  });

  it('takes another port when the remembered one is taken', async () => {
    const blocker = createServer();
    blocker.listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    writeFileSync(join(dataDir, 'redis.port'), String(port));
    try {
      const { url } = await start();
      expect(portOf(url)).not.toBe(port);
      expect(await askRedis(portOf(url), 'PING')).toBe('+PONG\r\n');
    } finally {
      blocker.close();
    }
  });

  it('does not take the Redis of someone else for its own', async () => {
    const stranger = await startRedis({ kind: 'process' });
    writeFileSync(join(dataDir, 'redis.port'), String(stranger.port));
    try {
      const redis = await start();
      expect(portOf(redis.url)).not.toBe(stranger.port);
      await redis.stop();
      expect(await askRedis(stranger.port, 'PING')).toBe('+PONG\r\n');
    } finally {
      await stranger.stop();
    }
  });

  it('ends what a killed service left behind, and goes on with its data on its port', async () => {
    const { service, port } = await startService();
    await askRedis(port, 'SET order 42');
    const pid = await processIdOn(port);
    await kill(service, 'SIGKILL');
    expect(await processIdOn(port)).toBe(pid); // the orphan

    const redis = await start();
    expect(portOf(redis.url)).toBe(port);
    expect(await processIdOn(port)).not.toBe(pid);
    expect(isServing(Number(pid))).toBe(false);
    expect(await askRedis(port, 'GET order')).toBe('$2\r\n42\r\n');
  });

  it('ends a server that was left behind and hangs, before it starts one on the same data', async () => {
    const { service, port } = await startService();
    await askRedis(port, 'SET order 42');
    const pid = Number(await processIdOn(port));
    await kill(service, 'SIGKILL');
    process.kill(pid, 'SIGSTOP');

    const redis = await start();
    expect(await processIdOn(portOf(redis.url))).not.toBe(String(pid));
    expect(await askRedis(portOf(redis.url), 'GET order')).toBe('$2\r\n42\r\n');
    expect(isServing(pid)).toBe(false);
  }, 60_000);

  it('is shared by two services of one directory; the last one ends it', async () => {
    const { service, port } = await startService();
    const redis = await start();
    expect(portOf(redis.url)).toBe(port);
    expect(await kill(service, 'SIGTERM')).toBe(0);
    expect(await askRedis(port, 'PING')).toBe('+PONG\r\n');
    await redis.stop();
    await expect(askRedis(port, 'PING')).rejects.toThrow('ECONNREFUSED');
  });

  it('ends with a service that exits without stopping it', async () => {
    const { service, port } = await startService();
    expect(await kill(service, 'SIGUSR2')).toBe(1);
    await eventually(() =>
      expect(askRedis(port, 'PING'))
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
