import type { Redis } from 'ioredis';
import { fieldsOf } from '../../support/original-fields.js';

/** What Redis holds of the group when a run is over. */
export interface FinalState {
  readonly pending: number;
  /** In the sorted set of retries. */
  readonly waiting: number;
  /** Entries that the group never read. */
  readonly unread: number;
  readonly consumers: number;
}

/** Most entries that are counted one by one. */
const PAGE = 1_000;

/** @throws when it cannot be read: such a run has failed */
export async function readFinalState(redis: Redis, stream: string, group: string): Promise<FinalState> {
  const groups = (await redis.xinfo('GROUPS', stream)) as string[][];
  const row = groups.map((fields) => fieldsOf(fields)).find(({ name }) => name === group);
  if (!row) throw new Error(`The group "${group}" of "${stream}" is gone.`);
  return {
    pending: Number(row.pending),
    waiting: await redis.zcard(`{${stream}}:${group}:retry`),
    unread: await unreadAfter(redis, stream, row['last-delivered-id'] ?? '0-0'),
    consumers: Number(row.consumers),
  };
}

/** Counted, since the lag that Redis tells is unknown after a deletion. */
async function unreadAfter(redis: Redis, stream: string, last: string): Promise<number> {
  let unread = 0;
  for (let from = `(${last}`; ;) {
    const page = await redis.xrange(stream, from, '+', 'COUNT', PAGE);
    unread += page.length;
    const [id] = page.at(-1) ?? [];
    if (id === undefined || unread >= 10 * PAGE) return unread;
    from = `(${id}`;
  }
}
