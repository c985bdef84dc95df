import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Program } from './fleet.js';

/** The wall clocks of processes, which can be wrong. */
export class Clocks {
  constructor(private readonly directory: string) {}

  /** Sets the clock of a process so many milliseconds ahead; also that of its successors. */
  set(slot: number, aheadMs: number): void {
    const file = this.fileOf(slot);
    writeFileSync(`${file}.new`, String(aheadMs));
    renameSync(`${file}.new`, file);
  }

  /** The same program, by these clocks. */
  governing(program: Program): Program {
    return {
      ...program,
      launch: (slot, build) => {
        const { args, env } = program.launch(slot, build);
        const preload = pathToFileURL(join(build, 'test/chaos/worker/wrong-clock.js')).href;
        return { args: ['--import', preload, ...args], env: { ...env, CHAOS_CLOCK: this.fileOf(slot) } };
      },
    };
  }

  private fileOf(slot: number): string {
    return join(this.directory, `clock-${slot}`);
  }
}
