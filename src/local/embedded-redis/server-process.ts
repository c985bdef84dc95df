import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askRedis, type Door } from './ask-redis.js';
import { endSilentServer } from './left-over-process.js';
import { recordProcess, recordedProcess } from './process-record.js';
import type { RedisBinary } from './redis-binary.js';
import { plainEnvironment } from './plain-environment.js';
import {
  isOfSystem,
  NotStartedError,
  PortTakenError,
  type RedisPlace,
  type RunningRedis,
} from './redis-source.js';
import { sendSignal } from './send-signal.js';
import { SECRET_SETTINGS, secretSettings, serverArguments } from './server-arguments.js';
import { socketPath } from './server-socket.js';
import { waitForRedis, waitUntilClosed } from './wait-for-redis.js';

const STOP_TIMEOUT_MS = 30_000;
/** How long a server may be busy before it counts as hanging, while other processes use it. */
const SHARED_ANSWER_MS = 30_000;
const POLL_MS = 50;

/**
 * Starts `binary` and resolves when it answers. It runs in a process group of its own, so that Ctrl-C reaches the
 * service alone, which drains before it stops its Redis.
 *
 * @throws PortTakenError when the port was taken; NotStartedError with the end of the server's log when it did not start.
 */
export async function startServerProcess(binary: RedisBinary, place: RedisPlace): Promise<RunningRedis> {
  const { directory, port, log } = place;
  const door = doorOf(place);
  const logFile = join(directory, 'redis.log');
  const logStart = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  writeFileSync(join(directory, SECRET_SETTINGS), secretSettings(place), { mode: 0o600 });
  const child = spawn(binary.path, serverArguments({ directory, port, logFile }), {
    detached: true,
    stdio: 'ignore',
    env: plainEnvironment(),
  });
  const ended = new AbortController();
  child.once('error', (error) => ended.abort(error));
  child.once('exit', () => ended.abort());
  child.unref();
  try {
    if (child.pid !== undefined) recordProcess(directory, child.pid);
    await waitForRedis(door, ended.signal);
  } catch (error) {
    child.kill('SIGKILL');
    if (isOfSystem(error)) throw error;
    const reason = readSince(logFile, logStart);
    if (/address already in use|failed listening/i.test(reason))
      throw new PortTakenError(`port ${port} is taken`);
    throw new NotStartedError(`${binary.path} did not start on ${directory}: ${reason || String(error)}`, {
      cause: error,
    });
  }
  const complain = (code: number | null, signal: string | null): void =>
    log(`The embedded Redis ended by itself (${signal ?? `exit code ${String(code)}`}); see ${logFile}.`);
  child.once('exit', complain);
  return {
    port,
    socketPath: door.path,
    description: `${binary.product}, process ${child.pid ?? 0}`,
    async stop() {
      child.off('exit', complain);
      await endChild(child);
      // Another process that shares the server may have started it again since.
      await (await findServerProcess(place))?.stop();
    },
    stopSoon: () => endRecorded(directory),
  };
}

/** Finds the process that serves the directory, whoever started it; one that does not answer is ended. */
export async function findServerProcess(place: RedisPlace): Promise<RunningRedis | undefined> {
  const door = doorOf(place);
  const deadline = Date.now() + (place.isShared ? SHARED_ANSWER_MS : 0);
  do {
    const info = await askRedis(door, 'INFO server').catch(() => '');
    const port = Number(/tcp_port:(\d+)/.exec(info)?.[1]);
    if (Number.isInteger(port)) {
      await waitForRedis(door);
      return foundServer(place.directory, door, port);
    }
    await delay(POLL_MS);
  } while (Date.now() < deadline && recordedProcess(place.directory) !== undefined);
  if (await endSilentServer(place.directory))
    place.log('Ended a Redis that an earlier run left behind and that did not answer.');
  return undefined;
}

function foundServer(directory: string, door: Door & { path: string }, port: number): RunningRedis {
  const pid = recordedProcess(directory);
  return {
    port,
    socketPath: door.path,
    description: `process ${pid ?? 'of an earlier run'}, already running`,
    async stop() {
      await askRedis(door, 'SHUTDOWN').catch(() => '');
      if (!(await waitUntilClosed(door, STOP_TIMEOUT_MS))) await endSilentServer(directory);
    },
    stopSoon: () => endRecorded(directory),
  };
}

function endRecorded(directory: string): void {
  const pid = recordedProcess(directory);
  if (pid !== undefined) sendSignal(pid, 'SIGTERM');
}

/** It is known by its own handle, not by an id, which another process may have by now. */
async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.ref();
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(hard);
}

function doorOf({ directory, password }: RedisPlace): Door & { path: string } {
  return { path: socketPath(directory), ...(password !== undefined && { password }) };
}

function readSince(path: string, offset: number): string {
  try {
    return readFileSync(path).subarray(offset).toString('utf8').trim().split('\n').slice(-5).join('\n');
  } catch {
    return '';
  }
}
