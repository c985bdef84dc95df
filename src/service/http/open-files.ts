import { readFileSync } from 'node:fs';

/** File descriptors that this process may have open at once, as far as the system says; without a limit, infinitely many. */
export function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
