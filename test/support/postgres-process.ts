import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { TestPostgres } from './postgres.js';
import { serverPort } from './server-port.js';
import { waitForPostgres } from './wait-for-postgres.js';

const run = promisify(execFile);

/** Longest wait for those who still hold the memory of a server that was killed. */
const START_LIMIT_MS = 60_000;
const AGAIN_MS = 100;

interface Account {
  uid?: number;
  gid?: number;
}

/** A PostgreSQL that is a process of this machine, and what can be done to such a one alone. */
export interface PostgresProcess extends TestPostgres {
  /** Ends it as an administrator does who does not wait for its clients, and starts it again. */
  restartFast(): Promise<void>;
  /** Stops it and all that serve its clients where they are. @returns what lets them go on */
  freeze(): () => void;
}

/** Runs a PostgreSQL as a process of this machine, from the binaries in PATH or where Debian puts them. */
export async function startPostgresProcess(): Promise<PostgresProcess> {
  const binaries = findBinaries();
  const account = await serverAccount();
  const port = await serverPort();
  const url = `postgresql://test:test@127.0.0.1:${port}/postgres`;
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-postgres-'));
  const data = join(directory, 'data');
  const passwordFile = join(directory, 'password');
  writeFileSync(passwordFile, 'test');
  if (account.uid !== undefined && account.gid !== undefined) {
    chownSync(directory, account.uid, account.gid);
    chownSync(passwordFile, account.uid, account.gid);
  }
  const environment = { cwd: directory, ...account };
  await run(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'test', '--auth=scram-sha-256', `--pwfile=${passwordFile}`],
    environment,
  );

  const launch = async (): Promise<ChildProcess> => {
    const args = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-k', directory];
    const deadline = Date.now() + START_LIMIT_MS;
    for (;;) {
      const child = spawn(join(binaries, 'postgres'), args, { ...environment, stdio: 'ignore' });
      const isUp = await Promise.race([
        waitForPostgres(url).then(() => true),
        once(child, 'exit').then(() => false),
      ]);
      if (isUp) return child;
      if (Date.now() > deadline) throw new Error(`PostgreSQL does not start in ${directory}`);
      await delay(AGAIN_MS);
    }
  };
  let server = await launch();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    const children = childrenOf(server);
    server.kill(signal);
    if (signal === 'SIGKILL') for (const pid of children) signalProcess(pid, signal);
    await exited;
  };
  const kill = (): Promise<void> => end('SIGKILL');
  // SIGQUIT ends the server's own children too.
  const killNow = (): void => void server.kill('SIGQUIT');
  process.once('exit', killNow);
  return {
    kind: 'process',
    url,
    kill,
    async restart() {
      await kill();
      server = await launch();
    },
    async restartFast() {
      await end('SIGINT');
      server = await launch();
    },
    freeze() {
      server.kill('SIGSTOP');
      const children = childrenOf(server);
      for (const pid of children) signalProcess(pid, 'SIGSTOP');
      return () => {
        for (const pid of children) signalProcess(pid, 'SIGCONT');
        server.kill('SIGCONT');
      };
    },
    async stop() {
      process.off('exit', killNow);
      server.kill('SIGCONT');
      await end('SIGQUIT');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Those that serve clients, and the server's own; none where the system does not say. */
function childrenOf({ pid = 0 }: ChildProcess): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : [];
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

function findBinaries(): string {
  const debian = '/usr/lib/postgresql';
  const places = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...(existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : []),
  ];
  const found = places.find((place) => ['initdb', 'postgres'].every((name) => existsSync(join(place, name))));
  if (found !== undefined) return found;
  throw new Error('The test needs a PostgreSQL: start Docker, or install Debian’s package "postgresql".');
}

/** PostgreSQL refuses to run as root; its package makes an account for it. */
async function serverAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (which) => Number((await run('id', [which, 'postgres'])).stdout)),
  );
  return { uid, gid };
}
