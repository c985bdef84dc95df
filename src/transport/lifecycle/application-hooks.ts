import type { RetryPolicy } from '../policy/retry-policy.js';
import type { FailedEvent } from '../observe/transport-events.js';
import { inOwnContextOfSpan } from '../observe/own-context.js';
import type { DeadLetterReason } from '../entry/dead-letter-fields.js';
import { SettlementWrites, ENTRY_ID, type StreamWrite } from '../entry/writes.js';

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
  const said = arbiter && (await inOwnContextOfSpan(() => arbiter(event, reason)));
  return (said === undefined || said === 'dead-letter') && giveUp
    ? inOwnContextOfSpan(giveUp)
    : (said ?? 'dead-letter');
}

/** A policy whose functions of the user are called in async contexts of their own. */
export function withOwnContexts(policy: RetryPolicy): RetryPolicy {
  const { classify, backoff } = policy;
  return {
    ...policy,
    classify: classify && ((error) => inOwnContextOfSpan(() => classify(error))),
    backoff:
      typeof backoff === 'function'
        ? (retry, error) => inOwnContextOfSpan(() => backoff(retry, error))
        : backoff,
  };
}

/** What becomes of a failed entry. */
export type NextStep =
  | { readonly action: 'retry'; readonly delayMs: number }
  | { readonly action: 'dead-letter'; readonly reason: DeadLetterReason };

/**
 * Adds Redis writes to the step that parks or dead-letters an entry: they are applied with it or not at all. It is
 * called once per settlement, must not wait for anything, and its keys must share the stream's hash slot.
 *
 * @param event - the failed delivery; its payload is undefined when the entry could not be decoded
 * @param entryId - stands for the id of the dead letter; empty text on a retry, which adds no entry
 */
export type SettlementHook = (
  event: FailedEvent,
  next: NextStep,
  writes: SettlementWrites,
  entryId: typeof ENTRY_ID,
) => void;

/** Asks the hook for its writes. A hook that throws is reported, and the entry is settled without them. */
export function settlementWrites(
  hook: SettlementHook | undefined,
  event: FailedEvent,
  next: NextStep,
  onError: (error: unknown) => void,
): readonly StreamWrite[] {
  if (!hook) return [];
  const ask: (...args: Parameters<SettlementHook>) => unknown = hook;
  const writes = new SettlementWrites();
  try {
    const result = inOwnContextOfSpan(() => ask(event, next, writes, ENTRY_ID));
    if (result instanceof Promise) result.catch(onError);
  } catch (error) {
    onError(error);
    return [];
  } finally {
    writes.close('the settlement hook');
  }
  return writes.list();
}
