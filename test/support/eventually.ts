import { setTimeout as delay } from 'node:timers/promises';

/**
 * Calls `probe` until it neither throws nor resolves with undefined, and resolves with what it gave.
 *
 * @throws the last failure when `timeoutMs` (default 180,000) is over.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 180_000, intervalMs = 25 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<Exclude<T, undefined>> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await probe();
      if (value !== undefined) return value as Exclude<T, undefined>;
      failure = new Error(`Nothing came within ${timeoutMs} ms from ${probe.toString()}`);
    } catch (error) {
      failure = error;
    }
    if (Date.now() >= deadline) throw failure;
    await delay(intervalMs);
  }
}
