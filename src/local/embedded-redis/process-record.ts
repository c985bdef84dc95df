import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'redis.process';

/** Notes in `directory`, which is private, which process serves it. Only where the system shows processes in `/proc`. */
export function recordProcess(directory: string, pid: number): void {
  const identity = identityOf(pid);
  if (identity !== undefined) writeFileSync(join(directory, FILE), `${pid} ${identity}\n`, { mode: 0o600 });
}

/**
 * The process that was noted for `directory`, while it lives. Its id alone would prove nothing, since ids are given
 * again: start time, boot and user must be those that were noted.
 */
export function recordedProcess(directory: string): number | undefined {
  try {
    const [pid = '', ...identity] = readFileSync(join(directory, FILE), 'utf8').trim().split(' ');
    return identityOf(Number(pid)) === identity.join(' ') ? Number(pid) : undefined;
  } catch {
    return undefined;
  }
}

function identityOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; behind it, the state is field 3 and the start time field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${fields[19] ?? ''} ${statSync(`/proc/${pid}`).uid}`;
  } catch {
    return undefined;
  }
}
