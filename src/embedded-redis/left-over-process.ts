import { readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sendSignal } from './send-signal.js';

const TERM_TIMEOUT_MS = 5_000;
const POLL_MS = 50;

/** Path of the file in which a server on `directory` keeps its process id. */
export function pidFile(directory: string): string {
  return join(directory, 'redis.pid');
}

/**
 * Ends a server on `directory` that does not answer (stopped, hanging, its port forgotten), so that there are never
 * two on one directory. Told apart by its working directory, where the system shows that (Linux).
 */
export async function endSilentServer(directory: string): Promise<boolean> {
  const pid = servingPid(directory);
  if (pid === undefined) return false;
  sendSignal(pid, 'SIGTERM');
  const deadline = Date.now() + TERM_TIMEOUT_MS;
  while (servingPid(directory) === pid) {
    if (Date.now() > deadline) sendSignal(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
  return true;
}

function servingPid(directory: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidFile(directory), 'utf8'), 10);
    return readlinkSync(`/proc/${pid}/cwd`) === directory ? pid : undefined;
  } catch {
    return undefined;
  }
}
