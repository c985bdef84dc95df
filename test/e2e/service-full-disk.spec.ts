import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runService } from '../support/service.js';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
/** Fills the file system of the working directory. */
const FILL = 'dd if=/dev/zero of=filler bs=1k count=4096 2>/dev/null';

/** Whether this machine lets a process have a disk of its own; some containers do not. */
const hasSmallDisks =
  spawnSync('unshare', ['--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
const onSmallDisks = hasSmallDisks ? describe : describe.skip;
if (!hasSmallDisks) process.stderr.write('SKIPPED full disks: unshare --mount is not allowed here.\n');

/** Servers whose data are below a directory, whoever started them. */
function serversBelow(directory: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`).startsWith(`${directory}/.data`);
    } catch {
      return false;
    }
  });
}

onSmallDisks('A service whose own Redis is on a full disk', () => {
  let directory: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'order-streams-full-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (const pid of serversBelow(directory)) process.kill(Number(pid), 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  /** Runs a script on a small disk of its own, which nobody but its processes see. */
  const onSmallDisk = (script: string): ChildProcess => {
    const prepared = `set -e; mount -t tmpfs -o size=2m tmpfs "$0"; cd "$0"; set +e
      service="${process.execPath} ${MAIN}"; ${script}`;
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn('unshare', ['--map-root-user', '--mount', 'sh', '-c', prepared, directory], {
      env: { PATH, HOME, PORT: '0', HOST: '127.0.0.1', LOG_FORMAT: 'json', EMBEDDED_REDIS: 'installed' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    children.push(child);
    return child;
  };
  const outputOf = async (child: ChildProcess): Promise<string> =>
    child.stdout && child.stderr
      ? (await Promise.all([text(child.stdout), text(child.stderr)])).join('')
      : '';

  it('says so in a sentence, and leaves nothing behind', async () => {
    for (const made of [
      'mkdir .data',
      'mkdir -p .data/redis .data/redis.users && : >.data/redis.lock && touch -d 1999-01-01 .data/redis.lock',
    ]) {
      const output = await outputOf(onSmallDisk(`${made}; ${FILL}; $service; echo "code $?"; ls .data`));
      expect(output).toMatch(
        /REDIS_URL is not set, .*no space left on device.*Make room in .*or set REDIS_URL/,
      );
      expect(output).toContain('code 1');
      expect(output).not.toMatch(/^ +at |redis\.lock$/m);
      expect(serversBelow(directory)).toEqual([]);
    }
  });

  it('ends its Redis when the disk became full meanwhile', async () => {
    const child = onSmallDisk(
      `$service & pid=$!; read full; ${FILL}; kill -TERM $pid; wait $pid; echo "code $?"; ls .data`,
    );
    child.stdout?.on('data', (data: Buffer) => {
      if (data.includes('listens on')) child.stdin?.end('full\n');
    });
    const output = await outputOf(child);
    expect(output).toContain('code 0');
    expect(output).not.toMatch(/^ +at |redis\.lock$/m);
    expect(serversBelow(directory)).toEqual([]);
  });
});

describe('EMBEDDED_REDIS=off', () => {
  it('needs a Redis that is named', async () => {
    const { code, output } = await runService({ EMBEDDED_REDIS: 'off', PORT: '0' });
    expect(code).toBe(1);
    expect(output).toContain(
      'EMBEDDED_REDIS=off needs one of REDIS_URL, REDIS_SENTINELS, REDIS_CLUSTER_NODES',
    );
  });
});
