import { chmodSync, mkdirSync, realpathSync, statSync } from 'node:fs';

/**
 * Makes a directory that nobody else can look into, or takes one that is there, and closes it to others.
 *
 * @returns its absolute path
 * @throws an error when it cannot be made, or belongs to another user: that user could put anything there.
 */
export function makePrivateDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const absolute = realpathSync(path);
  const { uid, mode } = statSync(absolute);
  const self = process.getuid?.();
  if (self !== undefined && uid !== self) {
    throw new Error(`it belongs to the user with the id ${uid}, and this process runs as ${self}`);
  }
  if ((mode & 0o077) !== 0) chmodSync(absolute, 0o700);
  return absolute;
}
