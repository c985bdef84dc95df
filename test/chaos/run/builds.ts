import { appendFileSync, cpSync } from 'node:fs';
import { join } from 'node:path';

/** The directory that this runs in: the compiled tests, and beside them in `src` the build. */
export const PROGRAM = join(import.meta.dirname, '../../..');

/** A directory of this repository, whose packages programs below it find. */
export const ARTEFACTS = join(PROGRAM, '..');

const LIBRARY = 'src/transport/redis/lua/library/registration.lua';

/** A copy of this program, whose build Redis takes for another version. @returns its directory */
export function otherProgram(directory: string): string {
  cpSync(PROGRAM, directory, { recursive: true, dereference: true });
  appendFileSync(join(directory, LIBRARY), '\n-- another version\n');
  return directory;
}
