import { RedisUnavailableError } from '../../../transport/index.js';

/** A caller who waits for an answer over HTTP is answered within three seconds. */
const LIMIT_MS = 2000;

/**
 * Waits for an answer of Redis, but not for long.
 *
 * @throws RedisUnavailableError when there is none; the command may take effect later all the same
 */
export async function answerWithin<T>(answer: Promise<T>, limitMs = LIMIT_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([answer, limit]);
  } catch (error) {
    throw new RedisUnavailableError('Redis did not answer a request for an order', true, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}
