import type { StreamRow } from '../broker/stream-reads.js';
import { isBefore } from '../protocol/entry-id.js';

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
