import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisStreamsContext } from '../../../src/transport/index.js';

const LOOK_MS = 10;

/** An entry that is pending for another process, although nobody was given it after this one. */
export interface Robbery {
  readonly owner: string;
  readonly count: number;
}

/**
 * Takes so long, and looks meanwhile whose the entry is. Whoever takes an entry over adds to its count: when another
 * process has it with a count that is no higher, the newest delivery was robbed.
 */
export async function watchedDelay(
  ms: number,
  redis: Redis,
  context: RedisStreamsContext,
  group: string,
): Promise<Robbery | undefined> {
  const until = performance.now() + ms;
  const id = context.getEntryId();
  while (performance.now() < until) {
    const rows = (await redis
      .xpending(context.getStream(), group, id, id, 1)
      .catch(() => [])) as PendingRow[];
    const [, owner, , count] = rows[0] ?? [];
    if (owner !== undefined && count !== undefined && owner !== context.getConsumer()) {
      if (count <= context.getDeliveryCount()) return { owner, count };
    }
    await delay(LOOK_MS);
  }
  return undefined;
}

type PendingRow = [id: string, owner: string, idleMs: number, count: number];
