import { setTimeout as delay } from 'node:timers/promises';
import { askRedis } from './ask-redis.js';

const POLL_MS = 50;

/**
 * Resolves when the server on `port` answers PING. A server that reads its data back may take its time;
 * one that does not answer at all may take `timeoutMs`.
 *
 * @throws AbortError when `signal` is aborted, and an error when the time is over.
 */
export async function waitForRedis(port: number, signal?: AbortSignal, timeoutMs = 30_000): Promise<void> {
  let deadline = Date.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const reply = await askRedis(port, 'PING').catch(() => '');
    if (reply.startsWith('+PONG')) return;
    if (reply.startsWith('-LOADING')) deadline = Date.now() + timeoutMs;
    if (Date.now() > deadline)
      throw new Error(`Redis did not answer on 127.0.0.1:${port} within ${timeoutMs} ms.`);
    await delay(POLL_MS);
  }
}

/** Resolves with true when nothing listens on `port` any more, with false when it still does after `timeoutMs`. */
export async function waitForPortClosed(port: number, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const refused = await askRedis(port, 'PING').then(
      () => false,
      (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED',
    );
    if (refused) return true;
    await delay(POLL_MS);
  }
  return false;
}
