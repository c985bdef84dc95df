import type { Trouble } from '../policy/trouble.js';
import type { DeadLetterReason } from '../entry/dead-letter-fields.js';
import type { Headers } from '../entry/entry.js';

/** Where something happened. */
export interface StreamEvent {
  /** The pattern of the handler. */
  readonly pattern: string;
  /** The key of the stream. */
  readonly stream: string;
  /** The consumer group of this server. */
  readonly group: string;
  /** The name of this process in the group. */
  readonly consumer: string;
}

/** One delivery, as observers see it. */
export interface DeliveryEvent extends StreamEvent {
  /** The id of the entry, such as `1718000000000-0`. */
  readonly entryId: string;
  /** How often the group has delivered the entry, this time included. */
  readonly deliveryCount: number;
  /** Attempts before this one, those made elsewhere included. */
  readonly retry: number;
  /** How often the entry was put back from the dead letters, as far as a replay is noted for it; else 0. */
  readonly replays: number;
  /** The fields next to the payload; none when the entry could not be decoded. */
  readonly headers: Headers;
  /** Undefined when the entry could not be decoded. */
  readonly payload: unknown;
}

/** A delivery that ended. */
export interface SettledEvent extends DeliveryEvent {
  /** Milliseconds from the handler's start to its end. */
  readonly durationMs: number;
}

/** A delivery that failed. */
export interface FailedEvent extends SettledEvent {
  /** What came out of handler, pipes, guards, interceptors and exception filters, or what is wrong with the entry. */
  readonly error: unknown;
  /** What was thrown first, where exception filters made `error` of it. */
  readonly original?: unknown;
}

/** A failed entry that waits for its next attempt. */
export interface RetryScheduledEvent extends FailedEvent {
  /** Milliseconds until it is due. */
  readonly delayMs: number;
}

/** An entry that waits, without a delivery being charged, until what it needs can be used again. */
export interface PutOffEvent extends FailedEvent {
  /** Milliseconds until it is due. */
  readonly delayMs: number;
  /**
   * What cannot be used: `redis`, `postgresql`, a `dependency` that the handler named with
   * `DependencyUnavailableError`, or that lets nobody in for now by its own word; `classifier` where the `classify` of
   * the options alone says so.
   */
  readonly reason: Trouble | 'classifier';
  /** How often in a row the entry was put off, this time included. */
  readonly times: number;
}

/** A duplicate that waits until it is known what becomes of the entry that is being handled. */
export interface DuplicateWaitingEvent extends DeliveryEvent {
  /** Milliseconds until it looks again. */
  readonly delayMs: number;
}

/** A commit of which nothing was written. */
export interface CommitRefusedEvent extends SettledEvent {
  /**
   * `taken`: the entry goes from process to process, and another one goes on with it. `gone`: it is settled already. `vanished`:
   * it was deleted from the stream; it becomes a dead letter, unless its effect is kept elsewhere. `superseded`: its marker
   * belongs to another delivery.
   */
  readonly settlement: 'gone' | 'taken' | 'vanished' | 'superseded';
}

/** An entry that went to the dead-letter stream. */
export interface DeadLetteredEvent extends FailedEvent {
  /** Why it went there. */
  readonly reason: DeadLetterReason;
  /** The id in the dead-letter stream; absent when an earlier send of the same step had written it. */
  readonly deadLetterId?: string;
}

/** Entries found by the recovery. */
export interface RecoveredEvent extends StreamEvent {
  /** Their ids. */
  readonly entryIds: readonly string[];
}

/** Entries taken over from a consumer that was silent for the ack wait. */
export interface ReclaimedEvent extends RecoveredEvent {
  /** The consumer that held them. */
  readonly owner: string;
}

/** A replayed entry that is for another group. */
export interface SkippedEvent extends StreamEvent {
  /** The id of the entry. */
  readonly entryId: string;
  /** The group that it is for. */
  readonly replayGroup: string;
}

/** An entry with fields that only a replay writes, and that no replay made. */
export interface ReplayFieldsIgnoredEvent extends StreamEvent {
  /** The id of the entry. */
  readonly entryId: string;
  /** Their names. */
  readonly fields: readonly string[];
}

/** An entry with headers that are not UTF-8. */
export interface HeadersLeftOutEvent extends StreamEvent {
  /** The id of the entry. */
  readonly entryId: string;
  /** Their names, as far as those are UTF-8. */
  readonly headers: readonly string[];
}

/** Entries that retention removed from a stream. */
export interface TrimmedEvent extends StreamEvent {
  /** How many. */
  readonly removed: number;
  /** Whether the hard cap removed them, needed or not. */
  readonly forced: boolean;
}

/** A group that holds back what retention would remove. */
export interface StaleGroupEvent extends StreamEvent {
  /** The group that still needs them; it may be another one than this server's. */
  readonly staleGroup: string;
}

/** No further entries are taken from a stream. */
export interface IntakePausedEvent extends StreamEvent {
  /** What Redis says against a write; undefined where it does not answer. */
  readonly error: unknown;
}

/** Entries are taken from a stream again. */
export interface IntakeResumedEvent extends StreamEvent {
  /** For how many milliseconds none were. */
  readonly pausedMs: number;
}

/** Entries that wait while every slot of their pattern is taken. */
export interface SlotsExhaustedEvent extends StreamEvent {
  /** Handlers of the pattern that have not ended. */
  readonly running: number;
  /** For how many milliseconds no slot became free. */
  readonly waitedMs: number;
}

/** Handlers that let nothing else run in their process. */
export interface LoopBlockedEvent extends StreamEvent {
  /** The entry whose handler it was, or all whose handlers ran, where it is not known which. */
  readonly entryIds: readonly string[];
  /** Milliseconds. */
  readonly durationMs: number;
  /**
   * `measured`: its handler did not return for that long. `ended-first`: it was the first to end afterwards, and another
   * one that goes on can have been it. `ran`: it is one of those that ran, which can be in other streams too, each with an
   * event of its own.
   */
  readonly basis: 'measured' | 'ended-first' | 'ran';
}

/** Entries that a group has not been given and will not be given. */
export interface LostEvent extends StreamEvent {
  /** How many entries, at least where `isLeast` is true. */
  readonly count: number;
  /** Whether that is what can be proven, and there may be more. */
  readonly isLeast: boolean;
  /**
   * `removed`: they were trimmed or deleted (`XTRIM`, `XDEL`, an `XADD` with `MAXLEN`) by somebody who is not this
   * transport. `skipped`: they are in the stream, and the group was set beyond them (`XGROUP SETID`).
   */
  readonly reason: 'removed' | 'skipped';
}

/** A group that was lost, and made again. */
export interface GroupRemadeEvent extends StreamEvent {
  /** It reads what lies behind this id; what it had been given of that before, it is given again. */
  readonly startId: string;
}

/** A group that stood beyond the end of its stream, so that it would not have been given what is added. */
export interface GroupSetBackEvent extends StreamEvent {
  /** The id that it stood at. */
  readonly from: string;
  /** It reads what lies behind this id. */
  readonly to: string;
}

/** Pending entries were stamped in Redis's future, and have the present time again. */
export interface ClockSetBackEvent extends StreamEvent {
  /** How many entries, of those that one run of the recovery found. */
  readonly freed: number;
  /** By how far the furthest of them was ahead, in milliseconds. */
  readonly aheadMs: number;
}

/** What can be observed with `server.on(event, listener)`. A listener that throws is logged and changes nothing. */
export interface TransportEvents {
  /** A handler is about to be given an entry. */
  received: (event: DeliveryEvent) => void;
  /** A handler finished; the acknowledgement is on its way, or what it committed is written. */
  processed: (event: SettledEvent) => void;
  /** A handler finished after its entry was settled or failed elsewhere: nothing that it committed was written. */
  'commit-refused': (event: CommitRefusedEvent) => void;
  /**
   * An entry has no effect, since what it brings has ended before: its idempotency key is done and its handler was not
   * called, or a condition of its commit said so, or its handler; or it would have become a dead letter, and was one
   * before. It is acknowledged, or that is on its way.
   */
  duplicate: (event: DeliveryEvent) => void;
  /** Another entry with the same idempotency key is being handled; this one waits, uncharged. */
  'duplicate-waiting': (event: DuplicateWaitingEvent) => void;
  /** A handler failed, or the entry does not follow the wire format. What becomes of it follows. */
  failed: (event: FailedEvent) => void;
  /** A failed entry was put on the waiting list. */
  'retry-scheduled': (event: RetryScheduledEvent) => void;
  /** An entry waits for what its handler needs and cannot be used; no delivery is charged. */
  'put-off': (event: PutOffEvent) => void;
  /** Redis refuses writes or does not answer, as a probe confirms: no further entries are taken until it does. */
  'intake-paused': (event: IntakePausedEvent) => void;
  /** Redis takes writes again, and entries are taken from the stream again. */
  'intake-resumed': (event: IntakeResumedEvent) => void;
  /** An entry was moved to the dead-letter stream. */
  'dead-lettered': (event: DeadLetteredEvent) => void;
  /** A dead letter that was read as input failed for good; it was acknowledged and stays where it is. */
  'dead-letter-failed': (event: FailedEvent) => void;
  /** An entry was replayed for another group; it was acknowledged without giving it to a handler. */
  skipped: (event: SkippedEvent) => void;
  /**
   * A producer wrote fields that only a replay writes, such as `replay-group`: they are headers like any other, and the
   * entry is delivered as if they said nothing. Emitted at its first delivery.
   */
  'replay-fields-ignored': (event: ReplayFieldsIgnoredEvent) => void;
  /**
   * An entry has headers that are not UTF-8: its handler is given it without them, and has them in
   * `context.getRawFields()`. Emitted at its first delivery.
   */
  'headers-left-out': (event: HeadersLeftOutEvent) => void;
  /** Entries of a dead or silent consumer were taken over. */
  reclaimed: (event: ReclaimedEvent) => void;
  /** Entries were deleted from the stream while they were pending: before a handler finished, or before it could commit. */
  vanished: (event: RecoveredEvent) => void;
  /**
   * Entries left the stream before the group was given them, or the group was set beyond them: no handler gets them.
   * One process of the group says it, once for each loss.
   */
  lost: (event: LostEvent) => void;
  /** The group had been destroyed, with its stream or without, and was made again: entries may repeat. */
  'group-remade': (event: GroupRemadeEvent) => void;
  /** The group stood beyond the end of its stream and was set back: entries may repeat. */
  'group-set-back': (event: GroupSetBackEvent) => void;
  /**
   * The clock of Redis was ahead and has been set back. Entries that were delivered or failed meanwhile would have waited
   * until it comes there; they go on now, as if the clock had been right.
   */
  'clock-set-back': (event: ClockSetBackEvent) => void;
  /** Retention removed entries from a stream. */
  trimmed: (event: TrimmedEvent) => void;
  /**
   * A handler computed for more than a third of the ack wait without a pause. Nothing else ran meanwhile; beyond the ack
   * wait its entries are given to other processes. Emitted when the event loop goes on.
   */
  'loop-blocked': (event: LoopBlockedEvent) => void;
  /**
   * Entries have waited for ten seconds while every slot of the pattern was taken: its handlers hang, or take longer
   * than entries come in. Emitted once each time.
   */
  'slots-exhausted': (event: SlotsExhaustedEvent) => void;
  /** A group still needs entries that are older than the retention; emitted at every look while it lasts. */
  'stale-group': (event: StaleGroupEvent) => void;
}
