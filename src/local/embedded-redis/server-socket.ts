import { join, relative } from 'node:path';
import { SOCKET } from './server-arguments.js';

/** What every system takes; Linux takes four more. */
const LONGEST_PATH = 103;

/**
 * Path of the socket of the server on `directory`: as that is private, whoever answers there is of this user. A port is
 * anybody's.
 *
 * @throws an error when no way to write it is short enough for the system
 */
export function socketPath(directory: string): string {
  const absolute = join(directory, SOCKET);
  const path = [absolute, relative(process.cwd(), absolute)].find(
    (each) => Buffer.byteLength(each) <= LONGEST_PATH,
  );
  if (path === undefined) throw new Error(`the path is too long for a socket in it: ${absolute}`);
  return path;
}
