import type { Redis } from 'ioredis';
import { deadLetters, pendingRows } from './group-view.js';
import { GROUP } from './started-server.js';

/** What was acknowledged to the producer, and what the handlers did, both kept outside Redis. */
export interface Ledger {
  /** Ids of entries that were emitted, by order id. */
  readonly emitted: ReadonlyMap<string, string>;
  /** Order ids, one for each effect. */
  readonly effects: readonly string[];
}

/**
 * What is not as it must be once nothing happens any more: every order has exactly one end, its effect or one dead
 * letter, and nothing is left over.
 */
export async function violations(
  redis: Redis,
  stream: string,
  { emitted, effects }: Ledger,
): Promise<string[]> {
  const found: string[] = [];
  // Looked at first: what is settled while this looks has its dead letter when those are read.
  for (const { id, owner } of await pendingRows(redis, stream))
    found.push(`${id} is still pending for ${owner}`);
  for (const id of await redis.zrange(`{${stream}}:${GROUP}:retry`, 0, -1)) found.push(`${id} still waits`);
  const letters = await deadLetters(redis, stream);
  for (const [orderId, id] of emitted) {
    const done = effects.filter((effect) => effect === orderId).length;
    const dead = letters.filter(({ fields }) => fields['dlt-original-id'] === id).length;
    if (done + dead === 0) found.push(`${orderId} is lost`);
    if (done > 1) found.push(`${orderId} was done ${done} times`);
    if (dead > 1) found.push(`${orderId} was dead-lettered ${dead} times`);
    if (done > 0 && dead > 0) found.push(`${orderId} was both done and dead-lettered`);
  }
  return found;
}
