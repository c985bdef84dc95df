import type { FailedEvent } from '../observe/transport-events.js';
import type { DeadLetterReason } from '../protocol/dead-letter-reason.js';

/**
 * What an arbiter says of an entry that is about to be dead-lettered: `dead-letter` it; `retry` it, whatever its
 * retries, since what happened was not its fault or its effect is made and wants to be finished; `acknowledge` it
 * without a dead letter, since it is the duplicate of something that has ended.
 */
export type DeadLetterVerdict = 'dead-letter' | 'retry' | 'acknowledge';

/**
 * Asked before an entry is dead-lettered, for applications whose effects are made in another database: that database
 * must decide between "took effect" and "is dead-lettered", or a process that was thought dead could do the first after
 * another has done the second. It may be asked more than once of the same entry, must then say the same, and must
 * settle within a few seconds. While it rejects, the entry is neither dead-lettered nor lost: it is retried, and an
 * abandoned one stays pending.
 */
export type DeadLetterArbiter = (event: FailedEvent, reason: DeadLetterReason) => Promise<DeadLetterVerdict>;

/** Asks the application, and then the store of the key: whoever says that an entry is not to be dead-lettered decides. */
export async function verdictOf(
  event: FailedEvent,
  reason: DeadLetterReason,
  arbiter: DeadLetterArbiter | undefined,
  giveUp: (() => Promise<DeadLetterVerdict>) | undefined,
): Promise<DeadLetterVerdict> {
  const said = (await arbiter?.(event, reason)) ?? 'dead-letter';
  return said === 'dead-letter' && giveUp ? giveUp() : said;
}
