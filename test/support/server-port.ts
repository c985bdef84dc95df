import { randomInt } from 'node:crypto';
import { freePort } from '../../src/local/embedded-redis/free-port.js';

/** Below the range from which systems take ports for whoever asks for none, and for outgoing connections. */
const [FIRST, LAST] = [15_000, 30_000];

/** A free port that nobody is given by chance while the server that listens on it is down for a moment. */
export function serverPort(): Promise<number> {
  return freePort(randomInt(FIRST, LAST));
}
