import type { EntryRef } from './settlement.js';

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
