import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/**
 * A Redis of its own on loopback.
 *
 * @param {'off' | 'everysec' | 'always'} aof - how often the append-only file reaches the disk
 */
export async function startRedisServer(aof = 'off') {
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-bench-'));
  const port = await freePort();
  const persistence = aof === 'off' ? [] : ['--appendonly', 'yes', '--appendfsync', aof];
  const args = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', directory, ...persistence];
  const server = spawn('redis-server', args.map(String), { stdio: 'ignore' });
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  await client.ping();
  const stop = async () => {
    client.disconnect();
    server.kill();
    await once(server, 'exit');
    rmSync(directory, { recursive: true });
  };
  return { url, client, stop };
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}
