import { setTimeout as delay } from 'node:timers/promises';
import { recordedProcess } from './process-record.js';
import { sendSignal } from './send-signal.js';

const TERM_TIMEOUT_MS = 5_000;
const POLL_MS = 50;

/**
 * Ends a server on `directory` that does not answer (stopped, hanging), so that there are never two on one directory.
 * Only the process that an earlier run noted there is ended.
 */
export async function endSilentServer(directory: string): Promise<boolean> {
  const pid = recordedProcess(directory);
  if (pid === undefined) return false;
  sendSignal(pid, 'SIGTERM');
  const deadline = Date.now() + TERM_TIMEOUT_MS;
  while (recordedProcess(directory) === pid) {
    if (Date.now() > deadline) sendSignal(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
  return true;
}
