import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { TestPostgres } from './postgres.js';
import { serverPort } from './server-port.js';
import { waitForPostgres } from './wait-for-postgres.js';

const run = promisify(execFile);

interface Account {
  uid?: number;
  gid?: number;
}

/** Runs a PostgreSQL as a process of this machine, from the binaries in PATH or where Debian puts them. */
export async function startPostgresProcess(): Promise<TestPostgres> {
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
    const child = spawn(join(binaries, 'postgres'), args, { ...environment, stdio: 'ignore' });
    await waitForPostgres(url);
    return child;
  };
  let server = await launch();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    server.kill(signal);
    await exited;
  };
  // SIGQUIT ends the server's own children too, and leaves the recovery to the next start.
  const kill = (): Promise<void> => end('SIGQUIT');
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
    async stop() {
      process.off('exit', killNow);
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
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
