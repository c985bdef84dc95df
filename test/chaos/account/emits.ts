import type { Redis } from 'ioredis';
import { fieldsOf } from '../../support/original-fields.js';

/** Header that tells one call of `emit` from every other; the order may be sent more than once. */
export const EMIT = 'chaos-emit';

const PAGE = 1_000;

/** How often each call of `emit` is in the stream. */
export async function emitsIn(redis: Redis, stream: string): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (let from = '-'; ;) {
    const page = await redis.xrange(stream, from, '+', 'COUNT', PAGE);
    for (const [, fields] of page) {
      const emit = fieldsOf(fields)[EMIT];
      if (emit !== undefined) times.set(emit, (times.get(emit) ?? 0) + 1);
    }
    const [last] = page.at(-1) ?? [];
    if (last === undefined) return times;
    from = `(${last}`;
  }
}

/**
 * What no client may do: add one emit twice, or leave one there of which it said that it is not.
 *
 * @param times - how often each call is in the stream
 * @param refused - calls that ended with an error which says that nothing was added
 */
export function wrongEmits(times: ReadonlyMap<string, number>, refused: ReadonlySet<string>): string[] {
  const twice = [...times].filter(([, count]) => count > 1).map(([emit]) => emit);
  const denied = [...times.keys()].filter((emit) => refused.has(emit));
  const say = (emits: readonly string[], what: string): string[] =>
    emits.length === 0 ? [] : [`${emits.length} ${what}: ${emits.slice(0, 5).join(', ')}`];
  return [
    ...say(twice, 'emits are in the stream more than once'),
    ...say(denied, 'emits are in the stream although their error denied it'),
  ];
}
