import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { askRedis } from './ask-redis.js';
import { endSilentServer, pidFile } from './left-over-process.js';
import type { RedisBinary } from './redis-binary.js';
import { PortTakenError, type RedisPlace, type RunningRedis } from './redis-source.js';
import { sendSignal } from './send-signal.js';
import { serverArguments } from './server-arguments.js';
import { waitForPortClosed, waitForRedis } from './wait-for-redis.js';

const STOP_TIMEOUT_MS = 30_000;

/**
 * Starts `binary` and resolves when it answers. It runs in a process group of its own, so that Ctrl-C reaches the
 * service alone, which drains before it stops its Redis.
 *
 * @throws PortTakenError when the port was taken; an error with the end of the server's log when it did not start.
 */
export async function startServerProcess(binary: RedisBinary, place: RedisPlace): Promise<RunningRedis> {
  const { directory, port, log } = place;
  const logFile = join(directory, 'redis.log');
  const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  const child = spawn(
    binary.path,
    serverArguments({ directory, port, logFile, pidFile: pidFile(directory) }),
    {
      detached: true,
      stdio: 'ignore',
    },
  );
  const ended = new AbortController();
  child.once('error', (error) => ended.abort(error));
  child.once('exit', () => ended.abort());
  child.unref();
  try {
    await waitForRedis(port, ended.signal);
    if (!(await isServing(port, directory))) throw new PortTakenError(`port ${port} is another server's`);
  } catch (error) {
    child.kill('SIGKILL');
    const reason = readSince(logFile, logStart);
    if (error instanceof PortTakenError) throw error;
    if (/address already in use|failed listening/i.test(reason))
      throw new PortTakenError(`port ${port} is taken`);
    throw new Error(`${binary.path} did not start on ${directory}: ${reason || String(error)}`, {
      cause: error,
    });
  }
  const pid = child.pid ?? 0;
  const server = processOnPort(pid, port, `${binary.product}, process ${pid}`);
  const complain = (code: number | null, signal: string | null): void =>
    log(`The embedded Redis ended by itself (${signal ?? `exit code ${String(code)}`}); see ${logFile}.`);
  child.once('exit', complain);
  return {
    ...server,
    async stop() {
      child.off('exit', complain);
      await server.stop();
    },
  };
}

/** Finds the process that serves `directory`, whoever started it; one that does not answer is ended. */
export async function findServerProcess({
  directory,
  port,
  log,
}: RedisPlace): Promise<RunningRedis | undefined> {
  if (port !== 0 && (await isServing(port, directory))) {
    await waitForRedis(port);
    const pid = Number(/process_id:(\d+)/.exec(await askRedis(port, 'INFO server'))?.[1]);
    return processOnPort(pid, port, `process ${pid}, already running`);
  }
  if (await endSilentServer(directory))
    log('Ended a Redis that an earlier run left behind and that did not answer.');
  return undefined;
}

function processOnPort(pid: number, port: number, description: string): RunningRedis {
  return {
    port,
    description,
    async stop() {
      sendSignal(pid, 'SIGTERM');
      if (await waitForPortClosed(port, STOP_TIMEOUT_MS)) return;
      sendSignal(pid, 'SIGKILL');
      await waitForPortClosed(port, STOP_TIMEOUT_MS);
    },
    stopSoon: () => sendSignal(pid, 'SIGTERM'),
  };
}

async function isServing(port: number, directory: string): Promise<boolean> {
  const reply = await askRedis(port, 'CONFIG GET dir').catch(() => '');
  return reply.split('\r\n').includes(directory);
}

function readSince(path: string, offset: number): string {
  try {
    return readFileSync(path).subarray(offset).toString('utf8').trim().split('\n').slice(-5).join('\n');
  } catch {
    return '';
  }
}
