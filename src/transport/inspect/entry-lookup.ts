import { InvalidOptionError } from '../entry/client-errors.js';
import { isBefore } from '../entry/entry.js';
import { StreamUnusableError } from '../entry/errors.js';
import { helperKeyOf } from '../entry/names.js';
import { PARKING } from '../redis/broker/redis-commands.js';
import { StreamReads, type CommandSender } from '../redis/stream-reads.js';
import { failureOf } from '../redis/redis-failure.js';
import type { EntryPlace } from './entry-place.js';

/** What XPENDING says of one entry. */
type PendingRow = readonly [id: string, consumer: string, idleMs: number, deliveryCount: number];

/** Looks for single entries, and changes nothing. */
export class EntryLookup {
  private readonly reads: StreamReads;

  constructor(private readonly sender: CommandSender) {
    this.reads = new StreamReads(sender);
  }

  /**
   * One command after the other: what was delivered before the first look and is not pending at the second is settled.
   * The other way round an entry that is delivered in between would seem to be.
   */
  async locate(stream: string, group: string, entryId: string): Promise<EntryPlace> {
    if (!/^\d+-\d+$/.test(entryId)) {
      throw new InvalidOptionError('entryId', `must be the whole id of an entry such as 1700000000000-0`);
    }
    const { state, groups } = await this.reads.stream(stream, false);
    if (state === 'wrong-type') throw new StreamUnusableError(`The key "${stream}" does not hold a stream`);
    const at = { stream, group, entryId };
    if (state === 'missing') return { ...at, state: 'deleted' };
    const row = await this.pending(stream, group, entryId);
    if (row) return { ...at, ...(await this.heldOrWaiting(stream, group, row)) };
    if (!(await this.has(stream, entryId))) return { ...at, state: 'deleted' };
    const delivered = groups.find(({ name }) => name === group)?.lastDeliveredId;
    const isUnread = delivered === undefined || isBefore(delivered, entryId);
    return { ...at, state: isUnread ? 'unread' : 'settled' };
  }

  /** When the first of the entries that wait for a retry is due; undefined when none waits. */
  async nextDueAtMs(stream: string, group: string): Promise<number | undefined> {
    const [, due] = (await this.sender.call(
      ...['ZRANGEBYSCORE', waitingList(stream, group), '-inf', '+inf'],
      ...['WITHSCORES', 'LIMIT', 0, 1],
    )) as string[];
    return due === undefined ? undefined : Number(due);
  }

  private async heldOrWaiting(
    stream: string,
    group: string,
    [id, holder, idleMs, deliveryCount]: PendingRow,
  ) {
    if (holder !== PARKING) return { state: 'pending', deliveryCount, holder, idleMs } as const;
    const due = (await this.sender.call('ZSCORE', waitingList(stream, group), id)) as string | null;
    return { state: 'waiting', deliveryCount, ...(due !== null && { dueAtMs: Number(due) }) } as const;
  }

  private async pending(stream: string, group: string, id: string): Promise<PendingRow | undefined> {
    try {
      const [row] = (await this.sender.call('XPENDING', stream, group, id, id, 1)) as PendingRow[];
      return row;
    } catch (error) {
      if (failureOf(error) === 'group-missing') return undefined;
      throw error;
    }
  }

  private async has(stream: string, id: string): Promise<boolean> {
    return ((await this.sender.call('XRANGE', stream, id, id)) as unknown[]).length > 0;
  }
}

function waitingList(stream: string, group: string): string {
  return helperKeyOf(stream, group, 'retry');
}
