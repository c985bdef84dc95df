import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installRedis } from '../../src/local/embedded-redis/package-manager.js';
import { findRedisBinary, type RedisBinary } from '../../src/local/embedded-redis/redis-binary.js';
import { askRedis } from '../../src/local/embedded-redis/ask-redis.js';
import { waitForRedis } from '../../src/local/embedded-redis/wait-for-redis.js';
import type { TestRedis } from './redis.js';
import { serverPort } from './server-port.js';

/** Runs a Redis as a process of this machine; the server is installed where it is missing and that is possible. */
export async function startRedisProcess(args: readonly string[]): Promise<TestRedis> {
  const { path } = await requireRedisBinary();
  const port = await serverPort();
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-redis-'));
  const command = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, ...args];
  let environment: Record<string, string> = {};
  let server = await launch(path, command, port, environment);

  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill('SIGKILL');
    await exited;
  };
  const killNow = (): void => void server.kill('SIGKILL');
  process.once('exit', killNow);
  return {
    kind: 'process',
    url: `redis://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    kill,
    async restart(changed) {
      await kill();
      environment = changed ?? environment;
      server = await launch(path, command, port, environment);
    },
    async stop() {
      process.off('exit', killNow);
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The server binary of this machine; installed where it is missing and that is possible. */
export async function requireRedisBinary(): Promise<RedisBinary> {
  const found = await findRedisBinary();
  if (!('unavailable' in found)) return found;
  const refused = await installRedis((line) => process.stderr.write(`${line}\n`));
  const installed = refused ?? (await findRedisBinary());
  if (!('unavailable' in installed)) return installed;
  throw new Error(
    `The tests need a Redis: ${found.unavailable}; ${installed.unavailable}. Install one or start Docker.`,
  );
}

async function launch(
  path: string,
  command: readonly string[],
  port: number,
  environment: Record<string, string>,
): Promise<ChildProcess> {
  const child = spawn(path, command, { stdio: 'ignore', env: { ...process.env, ...environment } });
  const ended = new AbortController();
  const abort = (): void =>
    ended.abort(new Error(`${path} ${command.join(' ')} ended with ${String(child.exitCode)}`));
  child.once('error', (error) => ended.abort(error));
  child.once('exit', abort);
  await waitForRedis({ port }, ended.signal);
  child.off('exit', abort);
  const info = await askRedis({ port }, 'INFO server');
  if (!info.includes(`process_id:${child.pid}\r`)) throw new Error(`Port ${port} belongs to another Redis`);
  return child;
}
