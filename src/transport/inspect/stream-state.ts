import type { StreamRow } from '../redis/stream-reads.js';
import { isBefore } from '../entry/entry.js';

/** Below this many entries no consumer is hot: with little to do, one process may well have it all. */
const LEAST_PENDING = 10;

/**
 * The consumers of a group that hold more than their share: at least ten entries, more than half of all that is
 * pending for consumers, and at least twice as many as any other holds. A group with a single consumer has none:
 * there is nobody to share with.
 *
 * @returns the names
 */
export function hotConsumers(
  consumers: readonly { readonly name: string; readonly pending: number }[],
): ReadonlySet<string> {
  const [most, second] = [...consumers].sort((a, b) => b.pending - a.pending);
  if (!most || !second) return new Set();
  const total = consumers.reduce((sum, { pending }) => sum + pending, 0);
  const isHot =
    most.pending >= LEAST_PENDING && most.pending > total / 2 && most.pending >= 2 * second.pending;
  return new Set(isHot ? [most.name] : []);
}

/** Entries behind a group that are counted at most, by reading them. */
export const LAG_PAGE = 50;

type Extent = Pick<StreamRow, 'length' | 'firstId' | 'lastId'>;

/** What the place of a group proves, whatever Redis has counted: at the end nothing is left, before the first all is. */
export function lagByPlace({ length, firstId, lastId }: Extent, lastDeliveredId: string): number | undefined {
  if (length === 0) return 0;
  if (firstId === undefined || lastId === undefined) return undefined;
  if (!isBefore(lastDeliveredId, lastId)) return 0;
  return isBefore(lastDeliveredId, firstId) ? length : undefined;
}

/**
 * The lag of a group in the middle of its stream.
 *
 * @param claimed - what Redis holds to be the lag
 * @param behind - how many entries were found behind the group, {@link LAG_PAGE} at most; undefined when nobody looked
 */
export function lagByPage(
  { length }: Extent,
  claimed: number | null,
  behind: number | undefined,
): number | 'unknown' {
  if (behind !== undefined && behind < LAG_PAGE) return behind;
  const canBe = claimed !== null && claimed <= length && claimed >= (behind ?? 0);
  return canBe ? claimed : 'unknown';
}

/** A consumer of a group. */
export interface ConsumerState {
  /** Its name. */
  readonly consumer: string;
  /** Entries delivered to it and not acknowledged. */
  readonly pending: number;
  /** Milliseconds since it last read, claimed or was kept alive. */
  readonly idleMs: number;
  /** Whether it deserves a look: it holds at least ten, more than half of all, and twice as many as any other. */
  readonly hot: boolean;
}

/** A consumer group of a stream. */
export interface GroupState {
  /** Its name. */
  readonly group: string;
  /**
   * Entries of the stream that the group has not been given yet, as far as that is proven: 0 at the end of the stream,
   * all of it before its first entry, counted where they are few. Otherwise what Redis says, if that can be; `unknown`
   * where Redis does not know: after a deletion ahead of the group, or for a group made in the middle of the stream.
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
  /** The id of the entry that it was given last; `0-0` before the first. */
  readonly lastDeliveredId: string;
  /** By what they hold, most first. The consumer that holds waiting entries is not among them. */
  readonly consumers: readonly ConsumerState[];
}

/** What a stream looks like at a moment. */
export interface StreamState {
  /** Its key. */
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
  /** Its consumer groups; none where the stream is not there. */
  readonly groups: readonly GroupState[];
}
