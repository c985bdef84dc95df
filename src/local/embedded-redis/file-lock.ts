import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './send-signal.js';

const WAIT_MS = 120_000;
const POLL_MS = 100;
/** Between making a lock file and writing the process id into it nobody needs as long as that, in milliseconds. */
const WRITTEN_WITHIN_MS = 5_000;

/**
 * Runs `work` while no other process runs its own under the same lock file. A lock whose process is gone is taken.
 *
 * @throws an error that names the file when another process held it for two minutes.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + WAIT_MS;
  while (!tryLock(path)) {
    if (Date.now() > deadline)
      throw new Error(`Another process holds ${path}. Remove it if none is starting.`);
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
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
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
