import { setTimeout as delay } from 'node:timers/promises';

/** A step took too long; it goes on, and may still take further ones. */
export class TookTooLongError extends Error {
  override readonly name = 'TookTooLongError';
}

/** @throws TookTooLongError when a step takes longer; the step goes on, and what becomes of it is nobody's concern then */
export async function within<T>(ms: number, what: string, step: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const tooLate = delay(ms, undefined, { signal: limit.signal }).then(() => {
    throw new TookTooLongError(`${what} took longer than ${ms} ms`);
  });
  tooLate.catch(() => undefined);
  step.catch(() => undefined);
  try {
    return await Promise.race([step, tooLate]);
  } finally {
    limit.abort();
  }
}

/** @throws the signal's reason when it aborts before a step ends */
export async function unlessAborted<T>(signal: AbortSignal, step: Promise<T>): Promise<T> {
  step.catch(() => undefined);
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([step, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
