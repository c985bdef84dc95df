/** A consumer of a group. */
export interface ConsumerState {
  readonly consumer: string;
  /** Entries delivered to it and not acknowledged. */
  readonly pending: number;
  /** Milliseconds since it last read, claimed or was kept alive. */
  readonly idleMs: number;
  /** Whether it holds so much more than the others that it deserves a look; see {@link hotConsumers}. */
  readonly hot: boolean;
}

/** A consumer group of a stream. */
export interface GroupState {
  readonly group: string;
  /**
   * Entries of the stream that the group has not been given yet, as far as that is proven: 0 at the end of the stream,
   * all of it before its first entry, counted where they are few. Otherwise what Redis says, if that can be; `unknown`
   * where Redis cannot tell: after a deletion ahead of the group, or for a group made in the middle of the stream.
   */
  readonly lag: number | 'unknown';
  /** Entries delivered and not acknowledged, those that wait for a retry included. */
  readonly pending: number;
  /** Those of the pending entries that wait for a retry. */
  readonly waiting: number;
  /** The oldest pending entry; absent when nothing is pending. */
  readonly oldestPendingId?: string;
  /**
   * Milliseconds since the oldest pending entry was added to the stream, by Redis's clock and the time in the entry's
   * id; absent when nothing is pending. Means nothing where a producer makes ids of its own.
   */
  readonly oldestPendingAgeMs?: number;
  readonly lastDeliveredId: string;
  /** By what they hold, most first. The consumer that holds waiting entries is not among them. */
  readonly consumers: readonly ConsumerState[];
}

/** What a stream looks like at a moment. */
export interface StreamState {
  readonly stream: string;
  /** `missing`: nobody has written to it yet, or it was deleted; `wrong-type`: its key holds something else. */
  readonly state: 'present' | 'missing' | 'wrong-type';
  /** Entries in the stream, those that every group is done with included. */
  readonly length: number;
  /**
   * Length of its dead-letter stream; absent for a dead-letter stream itself, and where the key of the dead-letter
   * stream holds something else.
   */
  readonly deadLetters?: number;
  readonly groups: readonly GroupState[];
}
