import { setTimeout as delay } from 'node:timers/promises';
import { askRedis, nameOf, type Door } from './ask-redis.js';

const POLL_MS = 50;

/**
 * Resolves when the server behind `door` answers PING. A server that reads its data back may take its time;
 * one that does not answer at all may take `timeoutMs`.
 *
 * @throws AbortError when `signal` is aborted, and an error when the time is over.
 */
export async function waitForRedis(door: Door, signal?: AbortSignal, timeoutMs = 30_000): Promise<void> {
  let deadline = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const reply = await askRedis(door, 'PING').catch(() => '');
    if (reply.startsWith('+PONG')) return;
    if (reply.startsWith('-LOADING')) deadline = Date.now() + timeoutMs;
    if (Date.now() > deadline)
      throw new Error(`Redis did not answer on ${nameOf(door)} within ${timeoutMs} ms.`);
    await delay(POLL_MS);
  }
}

/** Resolves with true when nothing listens behind `door` any more, with false when it still does after `timeoutMs`. */
export async function waitUntilClosed(door: Door, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const refused = await askRedis(door, 'PING').then(
      () => false,
      (error: unknown) => ['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? ''),
    );
    if (refused) return true;
    await delay(POLL_MS);
  }
  return false;
}
