import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { NotStartedError } from './redis-source.js';
import { isAlive } from './send-signal.js';

const WAIT_MS = 120_000;
const POLL_MS = 100;
/** Between making a lock file and writing the process id into it nobody needs as long as that, in milliseconds. */
const WRITTEN_WITHIN_MS = 5_000;

/**
 * Runs `work` while no other process runs its own under the same lock file. A lock whose process is gone is taken.
 *
 * @throws NotStartedError that names the file when another process held it for two minutes; the system's error where the
 * file cannot be written.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + WAIT_MS;
  while (!tryLock(path)) {
    if (Date.now() > deadline)
      throw new NotStartedError(`another process holds ${path}; remove it if none is starting`);
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

function tryLock(path: string): boolean {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      // A full disk has room for the file and none for what it says; nobody could say then whose it is.
      rmSync(path, { force: true });
      throw error;
    }
    if (isStale(path)) rmSync(path, { force: true });
    return false;
  }
}

function isStale(path: string): boolean {
  try {
    const bootedAt = Date.now() - uptime() * 1000;
    const { mtimeMs, size } = statSync(path);
    if (size === 0) return Date.now() - mtimeMs > WRITTEN_WITHIN_MS;
    return mtimeMs < bootedAt || !isAlive(Number(readFileSync(path, 'utf8')));
  } catch {
    return false;
  }
}
