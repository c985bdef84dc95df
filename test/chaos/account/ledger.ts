import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file outside Redis, one line of words for each thing that happened. A line is written by one system call before
 * anything else happens, so that neither a kill of the process nor a loss of Redis takes it back.
 */
export class Ledger {
  private readonly file: number;

  constructor(path: string) {
    this.file = openSync(path, 'a');
  }

  write(...words: (string | number)[]): void {
    writeSync(this.file, `${words.join(' ')}\n`);
  }

  close(): void {
    closeSync(this.file);
  }
}

/** The lines of all ledgers of a directory whose names begin so. */
export function readLedgers(directory: string, prefix: string): string[][] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.ledger'))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
}
