import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Door } from './ask-redis.js';
import { plainEnvironment } from './plain-environment.js';
import { PortTakenError, type RedisPlace, type RedisSource, type RunningRedis } from './redis-source.js';
import { runCommand } from './run-command.js';
import { DURABLE_SETTINGS, SECRET_SETTINGS, secretSettings } from './server-arguments.js';
import { waitForRedis } from './wait-for-redis.js';

const IMAGE = 'redis:7-bookworm';
const READY_TIMEOUT_MS = 60_000;
const REMOVAL_TIMEOUT_MS = 10_000;
const REMOVAL_POLL_MS = 100;

/** A container through `docker run`: published on loopback alone, with the data directory mounted. */
export const containerSource: RedisSource = {
  async start(place) {
    const { directory, port, log } = place;
    const engine = await runCommand('docker', ['info', '--format', '{{json .SecurityOptions}}'], {
      timeoutMs: 20_000,
    });
    if (engine.code !== 0) return { unavailable: 'no Docker engine answers' };
    const name = containerName(directory);
    await runCommand('docker', ['rm', '--force', name]);
    log(`No Redis server here: running one in a container (${IMAGE}) ...`);
    writeFileSync(join(directory, SECRET_SETTINGS), secretSettings(place), { mode: 0o600 });
    const rootless = engine.stdout.includes('rootless');
    const { code, stderr } = await runCommand('docker', [
      ...['run', '--detach', '--rm', '--name', name, '--stop-timeout', '30'],
      ...['--publish', `127.0.0.1:${port}:6379`, '--volume', `${directory}:/data`, ...userOption(rootless)],
      // Not the image's own entrypoint: run as root, it would give the data to a user of the image.
      ...['--entrypoint', 'redis-server', IMAGE, `/data/${SECRET_SETTINGS}`],
      ...['--protected-mode', 'no', ...DURABLE_SETTINGS],
    ]);
    if (code !== 0) {
      await runCommand('docker', ['rm', '--force', name]);
      if (/port is already allocated|address already in use/i.test(stderr))
        throw new PortTakenError(stderr.trim());
      return {
        unavailable: `docker run ${IMAGE} failed (${stderr.trim().split('\n')[0] ?? 'no reason given'})`,
      };
    }
    try {
      await waitForRedis(doorOf(place), undefined, READY_TIMEOUT_MS);
    } catch (error) {
      await runCommand('docker', ['rm', '--force', name]);
      throw error;
    }
    return containerOnPort(name, port);
  },

  async findRunning(place) {
    const { directory } = place;
    const name = containerName(directory);
    const { code, stdout } = await runCommand('docker', ['port', name, '6379/tcp'], { timeoutMs: 20_000 });
    const port = Number(/:(\d+)/.exec(stdout)?.[1]);
    if (code !== 0 || !Number.isInteger(port)) return undefined;
    await waitForRedis(doorOf({ ...place, port }));
    return containerOnPort(name, port);
  },
};

/** Whose port it is, the engine has said. */
function doorOf({ port, password }: RedisPlace): Door {
  return { port, ...(password !== undefined && { password }) };
}

function containerName(directory: string): string {
  return `order-streams-redis-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
}

// The data stay the user's own files. In a rootless engine, the container's root is that user.
function userOption(rootless: boolean): string[] {
  if (rootless) return ['--user', '0:0'];
  const uid = process.getuid?.();
  const gid = process.getgid?.();
  return uid === undefined || gid === undefined ? [] : ['--user', `${uid}:${gid}`];
}

// --rm removes after `docker stop` has returned, and until then the name is taken.
async function waitForRemoval(name: string): Promise<void> {
  const deadline = Date.now() + REMOVAL_TIMEOUT_MS;
  while (Date.now() < deadline && (await runCommand('docker', ['container', 'inspect', name])).code === 0) {
    await delay(REMOVAL_POLL_MS);
  }
}

function containerOnPort(name: string, port: number): RunningRedis {
  return {
    port,
    description: `${IMAGE}, container ${name}`,
    async stop() {
      await runCommand('docker', ['stop', name]);
      await waitForRemoval(name);
    },
    stopSoon() {
      spawn('docker', ['stop', name], { detached: true, stdio: 'ignore', env: plainEnvironment() }).unref();
    },
  };
}
