import type { PutOffs } from '../policy/put-off.js';
import type { CommitGuard, EntryRef } from '../entry/delivery.js';
import type { DeliveredEntry } from '../entry/entry.js';
import type { FollowUp } from '../entry/commit-transaction.js';
import type { StreamWrite } from '../entry/writes.js';

/**
 * How Redis answered a step that ends a delivery: `done`, or with nothing written: `gone`, settled already, perhaps by an
 * earlier send of the same command; `taken`, delivered to somebody else since; `vanished`, deleted from the stream while
 * it was pending; `superseded`, the guard of the commit did not hold; `refused`, a write cannot be made. Or `duplicate`:
 * acknowledged and nothing else, as a condition among its writes wanted, or since the group has made a dead letter of
 * it before.
 */
export type Settlement =
  'done' | 'gone' | 'taken' | 'vanished' | 'duplicate' | 'superseded' | { readonly refused: string };

export type { CommitGuard, EntryRef };

/** What puts a failed entry on the waiting list. */
export interface Park {
  readonly entry: EntryRef;
  /** Milliseconds until it is due. */
  readonly delayMs: number;
  readonly writes: readonly StreamWrite[];
}

/** What is remembered of an entry that is put off. */
export interface KeptPutOffs extends PutOffs {
  /** How long its handler may take the next time, in milliseconds; 0 for ever. */
  readonly longestRunMs: number;
}

/** What moves an entry to its dead-letter stream. */
export interface DeadLetterRequest {
  readonly entry: EntryRef;
  /** Whose pending entry it is; ours unless it is an abandoned one. */
  readonly owner: string;
  /** Milliseconds that it must have been idle. */
  readonly leastIdleMs: number;
  /** How often the entry was replayed before: only where that is more than 0 what its fields say of replays is ours. */
  readonly replays?: number;
  /** Names and values in turn of what is added to the entry's own fields. */
  readonly added: readonly string[];
  /** The entry's own fields as we hold them, used when the stream has lost it. */
  readonly held: readonly (string | Buffer)[];
  readonly writes: readonly StreamWrite[];
}

/** How dead-lettering ended, and the id of the dead letter if it was written. */
export interface DeadLettering {
  readonly settlement: Settlement;
  readonly deadLetterId?: string;
}

/** What takes effect together with the acknowledgement of an entry. */
export interface Commit {
  readonly entry: EntryRef;
  readonly writes: readonly StreamWrite[];
  readonly emits: readonly FollowUp[];
  readonly guard?: CommitGuard | undefined;
}

/** How much is kept of a stream that follow-up events go to and no group reads. */
export interface FollowUpLimits {
  readonly maxEntries: number;
  readonly maxAgeMs: number;
}

/** Who works on an entry, and with which delivery. */
export interface Holder {
  readonly owner: string;
  readonly deliveryCount: number;
}

/** Commits that go in one call. A repeat after a lost answer carries the same lane, sequence and commits. */
export interface CommitBatch {
  /** A consumer's calls in one lane follow each other: the next is sent when the last was answered. */
  readonly lane: number;
  /** Distinguishes a consumer's calls; ever greater. */
  readonly sequence: number;
  readonly commits: readonly Commit[];
  readonly followUps: FollowUpLimits;
  /** The consumer that the entries are pending for; the one that commits unless given. */
  readonly owner?: string;
}

/** Entries that were claimed, with the delivery counted, and ids of those that were found deleted. */
export interface Claim {
  readonly entries: readonly DeliveredEntry[];
  readonly vanished: readonly string[];
}

/** A row of the pending entries list. */
export interface PendingEntry extends EntryRef {
  readonly idleMs: number;
}

/** What one look at pending entries that may be stamped in Redis's future did. */
export interface FreedPage {
  readonly freed: number;
  /** By how far the furthest of them was ahead, in milliseconds. */
  readonly aheadMs: number;
  /** Where the next page begins; empty at the end. */
  readonly next: string;
  /** Those of them that turned out to be deleted from the stream. */
  readonly vanished: readonly string[];
}

/** A consumer of the group, as XINFO CONSUMERS reports it. */
export interface ConsumerInfo {
  readonly name: string;
  readonly pending: number;
  readonly idleMs: number;
}

/** How Redis is set, as far as it decides what may be lost; absent what it does not say. */
export interface RedisSettings {
  /** Whether it keeps an append-only file. */
  readonly appendOnly?: boolean;
  /** What it deletes when its memory is full. */
  readonly evictionPolicy?: string;
}

/** A setting of which the largest value of all the group's processes holds. */
export type GroupLimit = 'ack-waits' | 'retry-delays';

/** Where a group begins that is there now. */
export interface GroupStart {
  /** The id after which it reads, if it was made just now. */
  readonly madeAt?: string;
  /** Whether it was made because it had been lost: what it was given since its floor may be given to it again. */
  readonly wasLost: boolean;
}

/** What a process received, and when it says so. */
export interface ReadsSoFar {
  readonly received: number;
  readonly round: number;
  readonly isUnsure: boolean;
  readonly moment: 'before-reading' | 'while-reading' | 'after-reading';
}

/** What became of the part of a stream that a group has not read. */
export interface UnreadSight {
  /** Counts looks at which all processes of the group had said what they received. */
  readonly round: number;
  /** What was lost since the last look, whoever took it; answered to one process only. */
  readonly lost?: {
    readonly count: number;
    readonly isLeast: boolean;
    readonly reason: 'removed' | 'skipped';
  };
  readonly lostInAll?: { readonly count: number; readonly agoMs: number };
  /** The group stood beyond the end of its stream; it was set back, unless Redis refused that. */
  readonly beyondEnd?: { readonly from: string; readonly to: string; readonly refused?: string };
}

/** What stands in the way of a stream's next entry, if anything does. */
export type Obstacle = 'group-missing' | 'stream-full' | 'group-beyond-end';

/** What may be trimmed from a stream. */
export interface TrimLimits {
  /** Age in milliseconds from which an entry that no group needs is removed. */
  readonly maxAgeMs: number;
  /** Length beyond which entries that no group needs are removed. */
  readonly maxEntries: number;
}

/** How a trim ended. */
export interface Trimming {
  readonly removed: number;
  /** Groups that still need entries older than the age limit. */
  readonly staleGroups: readonly string[];
}
