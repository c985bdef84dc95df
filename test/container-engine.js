import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const PULL_LIMIT_MS = 180_000;

/** The servers that tests start, and how a process of this machine is known to be possible. */
const SERVERS = [
  {
    ...{ kind: 'TEST_REDIS_KIND', image: process.env.TEST_REDIS_IMAGE ?? 'redis:7-bookworm' },
    isInstalled: () => isInPath('redis-server'),
  },
  {
    ...{ kind: 'TEST_POSTGRES_KIND', image: process.env.TEST_POSTGRES_IMAGE ?? 'postgres:17-bookworm' },
    isInstalled: () => isInPath('initdb') || existsSync('/usr/lib/postgresql'),
  },
];
/** What docker-compose.yml and the Dockerfiles build on. */
const BASES = ['redis:7-bookworm', 'node:22-trixie-slim'];

/**
 * Sees to it that the tests start no container that cannot be had: without its reaper testcontainers starts none at
 * all. Then the servers are processes of this machine, which one line says.
 */
export async function chooseServers() {
  if (!(await hasEngine())) return;
  const without = process.env.TESTCONTAINERS_RYUK_DISABLED === 'true' ? undefined : await missingReaper();
  // Containers that a test asks for by name are started all the same; who kills a test removes them.
  if (without !== undefined) process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  for (const { kind, image, isInstalled } of SERVERS) {
    if (process.env[kind] !== undefined) continue;
    const isWanting = !(await canBeHad(image));
    if (!isWanting && (without === undefined || !isInstalled())) continue;
    process.env[kind] = 'process';
    console.log(`${kind}=process: the image ${isWanting ? image : without} cannot be had.`);
  }
}

/** Why images of the project cannot be built and run here; undefined when they can. */
export async function noComposeBecause() {
  if (!(await hasEngine())) return 'no container engine runs here (docker info fails)';
  for (const image of BASES) if (!(await canBeHad(image))) return `the image ${image} cannot be had`;
  return undefined;
}

const hasEngine = () => succeeds(['info'], 20_000);

async function missingReaper() {
  const { REAPER_IMAGE } = await import('testcontainers/build/reaper/reaper.js');
  return (await canBeHad(REAPER_IMAGE)) ? undefined : REAPER_IMAGE;
}

async function canBeHad(image) {
  return (await succeeds(['image', 'inspect', image], 20_000)) || succeeds(['pull', image], PULL_LIMIT_MS);
}

function succeeds(args, timeout) {
  const child = spawn('docker', args, { stdio: 'ignore', timeout });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

function isInPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((place) => existsSync(join(place, name)));
}
