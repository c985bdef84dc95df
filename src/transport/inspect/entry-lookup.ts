import { InvalidOptionError } from '../entry/client-errors.js';
import { isBefore } from '../entry/entry.js';
import { StreamUnusableError } from '../entry/errors.js';
import { waitingListOf } from '../entry/names.js';
import { PARKING } from '../redis/broker/redis-commands.js';
import { StreamReads, type CommandSender } from '../redis/stream-reads.js';
import { failureOf } from '../redis/redis-failure.js';

/** What each {@link EntryPlace} says, whatever its state. */
export interface EntryAtAnyPlace {
  /** The key of the stream. */
  readonly stream: string;
  /** The consumer group that was asked about. */
  readonly group: string;
  /** The id of the entry. */
  readonly entryId: string;
}

/** What is known of an entry that is pending for the group. */
export interface EntryDelivered extends EntryAtAnyPlace {
  /** Deliveries that count against the attempts of the entry, this one included; the first has 1. */
  readonly deliveryCount: number;
}

/** The group has not been given the entry yet. A group that does not exist has been given nothing. */
export interface EntryUnread extends EntryAtAnyPlace {
  /** The group may still be given it. */
  readonly state: 'unread';
}

/**
 * A consumer has the entry: its handler runs, or its process is gone and recovery will take the entry over. The entry
 * itself may have been deleted meanwhile; recovery finds that out.
 */
export interface EntryPending extends EntryDelivered {
  /** A consumer has it. */
  readonly state: 'pending';
  /** The consumer that has it. */
  readonly holder: string;
  /** Milliseconds since it was delivered, or since its holder last said that it works on it. */
  readonly idleMs: number;
}

/** An attempt failed or was put off, and the entry waits for the next one. No consumer has it. */
export interface EntryWaiting extends EntryDelivered {
  /** It waits for its next attempt. */
  readonly state: 'waiting';
  /**
   * When the next attempt is due, in milliseconds since 1970 by the clock of Redis. In the past: it is taken up at the
   * next look. Absent for the moment between two commands in which that happens, and after a loss that recovery mends.
   */
  readonly dueAtMs?: number;
}

/**
 * The group is done with the entry, which is still in the stream: it was acknowledged, be it handled, dropped or
 * dead-lettered. Entries that lie before the place where the group was made are settled too: it will never get them.
 */
export interface EntrySettled extends EntryAtAnyPlace {
  /** The group is done with it. */
  readonly state: 'settled';
}

/** The stream does not have the entry, and the group has nothing left of it: deleted, trimmed, or never there. */
export interface EntryDeleted extends EntryAtAnyPlace {
  /** It is not there. */
  readonly state: 'deleted';
}

/** Where an entry is, as one group sees it. `state` says which of them it is. */
export type EntryPlace = EntryUnread | EntryPending | EntryWaiting | EntrySettled | EntryDeleted;

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
      ...['ZRANGEBYSCORE', waitingListOf(stream, group), '-inf', '+inf'],
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
    const due = (await this.sender.call('ZSCORE', waitingListOf(stream, group), id)) as string | null;
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
