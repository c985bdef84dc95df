import type { Redis } from 'ioredis';
import type { StreamEntry } from '../../entry/entry.js';
import { entriesOf, type ReadReply } from '../entry-replies.js';
import { isFast, type OnMisfit } from './paths.js';
import { ReplyTap } from './reply-tap.js';

/** How the entries of a read reach us. */
export interface EntryReads {
  /**
   * Runs a read.
   *
   * @param send - sends it through ioredis
   */
  read(send: () => Promise<unknown>): Promise<readonly StreamEntry[]>;
}

/** @param redis - a link that carries nothing but reads while one is under way */
export function entryReads(redis: Redis, onMisfit: OnMisfit): EntryReads {
  return isFast('reads') ? new ReplyTap(redis, onMisfit) : plainReads;
}

/** As ioredis gives them. */
const plainReads: EntryReads = {
  read: async (send) => entriesOf((await send()) as ReadReply),
};
