import type {
  EntryRef,
  Claim,
  CommitBatch,
  ConsumerInfo,
  DeadLettering,
  DeadLetterRequest,
  FreedPage,
  Holder,
  GroupLimit,
  GroupStart,
  KeptPutOffs,
  Obstacle,
  PendingEntry,
  ReadsSoFar,
  RedisSettings,
  Settlement,
  TrimLimits,
  Trimming,
  UnreadSight,
} from './settlement.js';
import type { StreamEntry } from '../entry/entry.js';
import type { ErrorStreak } from '../policy/error-streak.js';
import type { PutOffs } from '../policy/put-off.js';
import type { StreamWrite } from '../entry/writes.js';

/** An entry that is about to be handled, and the marker of its idempotency key. */
export interface MarkerClaim {
  readonly entry: EntryRef;
  /** In the stream's hash slot. */
  readonly marker: string;
  /** Milliseconds after which the marker expires if nothing becomes of it; 0 for never. */
  readonly ttlMs: number;
}

/**
 * Whether a handler may begin: `begun`, the marker is ours; `duplicate`, the key is done; `busy`, another entry is at
 * it; `gone` or `taken`, the entry is not ours any more; `refused`, the marker cannot be used.
 */
export type MarkerAnswer =
  | { readonly state: 'begun' | 'duplicate' | 'gone' | 'taken' }
  /** @param idleMs - how long ago its owner was last heard of */
  | { readonly state: 'busy'; readonly idleMs: number }
  | { readonly state: 'refused'; readonly problem: string };

/** The markers of idempotency keys. */
export interface MarkerBroker {
  /** Asks for the markers of entries that are about to be handled. @returns one answer for each, in order */
  begin(stream: string, claims: readonly MarkerClaim[]): Promise<MarkerAnswer[]>;
}

/** What a marker holds while a delivery works. */
export function inProgress({ id, deliveryCount }: EntryRef): string {
  return `${id}:${deliveryCount}`;
}

/** What a marker holds once an entry is handled. */
export function done({ id }: EntryRef): string {
  return `done:${id}`;
}

/** Reads what is new in one stream for one consumer; owns a connection, because a blocking read holds it. */
export interface StreamReader {
  /**
   * Waits for entries that no consumer of the group has had yet, and makes them pending for this one.
   *
   * @param count - how many at most
   * @returns none when nothing came within the block time
   */
  readNew(count: number): Promise<readonly StreamEntry[]>;
  /** Resolves when the link is up, at once if it is. */
  whenReady(): Promise<void>;
  /** Ends the connection; a read in progress is rejected. */
  close(): void;
}

/** Ending a delivery. Each step is atomic, fenced, and safe to repeat. */
export interface SettlementBroker {
  /**
   * Settles entries that were handled (XACK).
   *
   * @returns how many of them were still pending
   */
  acknowledge(stream: string, ids: readonly string[]): Promise<number>;
  /**
   * Applies commits and settles their entries, each for itself: its writes, its events and the acknowledgement take
   * effect together, or nothing of it does. Safe to repeat with the same batch.
   *
   * @returns one answer for each, in their order
   */
  commit(stream: string, batch: CommitBatch): Promise<Settlement[]>;
  /** Who has an entry now; undefined when it is settled, or waits for a retry. */
  pendingAs(stream: string, id: string): Promise<Holder | undefined>;
  /** Puts a failed entry on the waiting list of its group until its delay is over; its count stays. */
  park(stream: string, entry: EntryRef, delayMs: number, writes: readonly StreamWrite[]): Promise<Settlement>;
  /** Whether a replay of this library made the entry: fields that say so are anybody's. */
  wasReplayed(stream: string, id: string): Promise<boolean>;
  /**
   * Moves an entry to the dead-letter stream, byte for byte, and notes both: the dead letter as ours, the entry as one
   * that its group never makes another dead letter of, whatever becomes of this one.
   */
  deadLetter(stream: string, request: DeadLetterRequest): Promise<DeadLettering>;
  /** Acknowledges one entry under the fence: while it is pending for this owner. */
  settle(stream: string, entry: EntryRef, owner: string): Promise<Settlement>;
  /**
   * Hands entries that no handler works on back, uncharged.
   *
   * @param delayMs - how long they wait, 0 unless given
   * @returns how many were still ours
   */
  release(stream: string, entries: readonly EntryRef[], delayMs?: number): Promise<number>;
  /**
   * As {@link release} for one entry, and remembers how often and for how long it was put off: for as long as it waits
   * and then may run, and ten minutes more.
   *
   * @returns 1 if it was still ours, else 0
   */
  putOff(stream: string, entry: EntryRef, delayMs: number, putOffs: KeptPutOffs): Promise<number>;
  /** What {@link putOff} remembers of an entry. */
  readPutOffs(stream: string, id: string): Promise<PutOffs>;
  /** How an entry failed before, as far as that was kept with {@link errorStreakWrites}. */
  readErrorStreak(stream: string, id: string): Promise<ErrorStreak | undefined>;
  /** The writes that keep a streak for as long as the entry waits, and a day longer. */
  errorStreakWrites(stream: string, id: string, streak: ErrorStreak, delayMs: number): readonly StreamWrite[];
  /** Keeps entries from looking abandoned. @returns the ids that are not ours any more */
  extend(stream: string, entries: readonly EntryRef[]): Promise<string[]>;
}

/** Finding and taking what nobody works on. */
export interface RecoveryBroker {
  /** Claims entries whose delay is over. */
  claimDue(stream: string, limit: number, maxDelayMs: number): Promise<Claim>;
  /** The consumers of the group, without those whose names begin with `@`: what they hold waits for something. */
  consumers(stream: string): Promise<ConsumerInfo[]>;
  /** One page of what is pending for a consumer, from an id on (`-` for the first). */
  pendingOf(stream: string, consumer: string, from: string, limit: number): Promise<PendingEntry[]>;
  /** An entry as it stands in the stream; undefined when it was deleted. */
  readEntry(stream: string, id: string): Promise<StreamEntry | undefined>;
  /** Claims those of another consumer's entries that are still pending for it with that count and that idle time. */
  claimAbandoned(
    stream: string,
    owner: string,
    leastIdleMs: number,
    entries: readonly EntryRef[],
  ): Promise<Claim>;
  /**
   * Makes waiting list and pending entries agree again, if they do not.
   *
   * @param thorough - look at every member even when both are of one length
   * @returns how many were mended
   */
  repairWaiting(stream: string, thorough?: boolean): Promise<number>;
  /**
   * Gives pending entries that are stamped in Redis's future the present time: its clock was ahead. Owner and count stay,
   * and what waits keeps the delay that it has left.
   *
   * @param from - where to begin: `-`, or what the page before answered
   */
  freeFuture(stream: string, from: string): Promise<FreedPage>;
  /** Remembers where the group would have to begin if it were lost. */
  keepFloor(stream: string): Promise<void>;
  /** Forgets notes of what the stream and its dead-letter stream have no more, once they are more than what is there. */
  forgetNotes(stream: string): Promise<void>;
  /**
   * Announces a limit of this process to the group, and forgets those of consumers that are gone.
   *
   * @param consumers - names of the consumers there are
   * @returns the largest value that one of its processes has
   */
  announce(stream: string, limit: GroupLimit, ms: number, consumers: readonly string[]): Promise<number>;
  /** Remembers that the entry is about to run alone, with this count. */
  markAlone(stream: string, entry: EntryRef): Promise<void>;
  /** Forgets that it did. */
  unmarkAlone(stream: string, entry: EntryRef): Promise<void>;
  /** Whether the entry's last delivery was one that ran alone. */
  ranAlone(stream: string, entry: EntryRef): Promise<boolean>;
  /** Deletes a consumer that has nothing pending and is idle. @returns whether it did */
  reapConsumer(stream: string, consumer: string, leastIdleMs: number): Promise<boolean>;
  /**
   * Compares what left the unread part of the stream with what the processes of the group received.
   *
   * @param counts - whether what leaves unread is a loss; otherwise only the place of the group is looked at
   */
  watchUnread(stream: string, reads: ReadsSoFar, counts: boolean): Promise<UnreadSight>;
  /** Removes entries that no group needs any more. */
  trim(stream: string, limits: TrimLimits): Promise<Trimming>;
  /** Cuts a stream to a length, whoever may need what is cut. @returns how many entries were removed */
  cap(stream: string, maxEntries: number): Promise<number>;
  /** Removes dead letters older than an age. @returns how many */
  trimDeadLetters(stream: string, maxAgeMs: number): Promise<number>;
}

/** What the transport asks of Redis: one method per intent. Every one is safe to repeat. */
export interface StreamBroker extends SettlementBroker, RecoveryBroker, MarkerBroker {
  /**
   * Makes the group, and the stream with it, if it is not there: at its floor, else at the beginning. Makes this
   * process's consumer known to it.
   */
  ensureGroup(stream: string): Promise<GroupStart>;
  /**
   * Loads the function library and checks that this user may do all that it does.
   *
   * @param withWrites - whether writes of the application travel with settlements
   */
  prepare(stream: string, withWrites?: boolean): Promise<void>;
  /** Opens a reader of its own connection for a stream. */
  openReader(stream: string): StreamReader;
  /**
   * Does what an order needs: a write, by a function, a stream that takes entries, a group that is given them.
   *
   * @returns what stands in the way, if anything does; rejects with what Redis says against it
   */
  probe(stream: string): Promise<Obstacle | undefined>;
  /** How Redis is set; waits until it answers. */
  settings(): Promise<RedisSettings>;
  /** Whether the link for commands is up. */
  isConnected(): boolean;
  /** Why the link is not up: Redis cannot be reached, or has been reached and is still loading its data. */
  absence(): Promise<'unreachable' | 'loading'>;
  close(): Promise<void>;
}
