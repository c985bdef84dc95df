import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './send-signal.js';

/** Which processes use one embedded Redis: the last one that leaves stops it. */
export class Leases {
  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  take(): void {
    writeFileSync(join(this.directory, String(process.pid)), '');
  }

  giveBack(): void {
    rmSync(join(this.directory, String(process.pid)), { force: true });
  }

  /** Whether a process that is alive holds a lease. */
  areHeld(): boolean {
    return readdirSync(this.directory).filter((name) => !this.isDead(name)).length > 0;
  }

  private isDead(name: string): boolean {
    if (isAlive(Number(name))) return false;
    rmSync(join(this.directory, name), { force: true });
    return true;
  }
}
