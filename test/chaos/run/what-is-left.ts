import type { Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { readLedgers } from '../account/ledger.js';
import { Observer, type Observed } from './observer.js';

const POLL_MS = 50;
const PAGE = 500;

/** Copies what the streams hold now into ledgers of their own. */
export async function readAgain(observed: Observed, direct: Redis): Promise<void> {
  const observer = new Observer(observed);
  observer.start();
  while (!(await observer.isUpToDate(direct))) await delay(POLL_MS);
  await observer.close();
}

/** How many effects and dead letters were seen that are not left. */
export function undoneIn(directory: string, prefix: string): number {
  return ['effects', 'dead-letters']
    .map((name) => {
      const left = new Set(readLedgers(directory, `${prefix}${name}`).map((words) => words.join(' ')));
      const seen = new Set(readLedgers(directory, name).map((words) => words.join(' ')));
      return [...seen].filter((words) => !left.has(words)).length;
    })
    .reduce((sum, count) => sum + count, 0);
}

/** Entries that were acknowledged and are not in the stream. */
export async function droppedOf(
  direct: Redis,
  stream: string,
  acknowledged: readonly (readonly string[])[],
): Promise<Set<string>> {
  const dropped = new Set<string>();
  const ids = acknowledged.map(([, id = '']) => id);
  for (let at = 0; at < ids.length; at += PAGE) {
    const page = ids.slice(at, at + PAGE);
    const pipeline = direct.pipeline();
    for (const id of page) pipeline.xrange(stream, id, id);
    const replies = (await pipeline.exec()) ?? [];
    replies.forEach(([error, found], index) => {
      if (error) throw error;
      if ((found as unknown[]).length === 0) dropped.add(page[index] ?? '');
    });
  }
  return dropped;
}
