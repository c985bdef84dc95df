import type { Claim } from '../redis/settlement.js';

/** Most entries in one claim. */
const MOST = 500;
/** Entries in the first claim, when nothing is known of their size. */
const FIRST = 32;
/** Bytes that one claim is to bring at most: Redis serves nobody else while it gathers them. */
const MOST_BYTES = 1_048_576;

/** Finds how many entries to claim at once, by the size of those that were claimed last. */
export class ClaimSize {
  private size = FIRST;

  get most(): number {
    return this.size;
  }

  /** Learns from a claim that was made. */
  learn({ entries }: Claim): void {
    if (entries.length === 0) return;
    let bytes = 0;
    for (const { entry } of entries) for (const part of entry.parts) bytes += part.length;
    const fitting = Math.floor((MOST_BYTES * entries.length) / Math.max(1, bytes));
    this.size = Math.max(1, Math.min(fitting, 2 * this.size, MOST));
  }
}
