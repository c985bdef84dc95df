/** An entry that is pending for a consumer that does nothing about it. */
export interface AbandonedEntry {
  readonly deliveryCount: number;
  /** Whether the last delivery is known to have run with nothing else. */
  readonly ranAlone: boolean;
}

/**
 * What becomes of an abandoned entry: `claim` it as any other; `run-alone`, because it has used up its deliveries
 * without ever failing and may be what kills its processes; `dead-letter` it, because it was abandoned when it ran
 * alone.
 */
export type AbandonedDecision = 'claim' | 'run-alone' | 'dead-letter';

/** Whether an abandoned entry has used up its deliveries. */
export function isSuspect(deliveryCount: number, maxRetries: number): boolean {
  return deliveryCount > maxRetries;
}

/**
 * Decides what becomes of an abandoned entry.
 *
 * A crash charges everything that its process had, so the count condemns nobody: an entry at its limit gets one further
 * delivery, with nothing else running, and only one that is known to have been abandoned then is the killer.
 */
export function decideAbandoned(
  { deliveryCount, ranAlone }: AbandonedEntry,
  maxRetries: number,
): AbandonedDecision {
  if (!isSuspect(deliveryCount, maxRetries)) return 'claim';
  return ranAlone ? 'dead-letter' : 'run-alone';
}
