import type { PendingEntry, Claim } from '../redis/settlement.js';

/** Pages without anything abandoned that are looked at in one run; the next run goes on from there. */
const VAIN_PAGES_PER_RUN = 20;

/** What one consumer's pending entries are read with. */
export interface AbandonedRowsParts {
  /** Reads a page of pending entries; a shorter one is the last. */
  readonly readPage: (from: string, limit: number) => Promise<readonly PendingEntry[]>;
  /** Rows in one page. */
  readonly pageSize: number;
  /** Asked when a row is taken, which may be a while after it was read. */
  readonly isAbandoned: (row: PendingEntry) => boolean;
}

/** Those of one consumer's pending entries that nobody works on, in the order of the stream. */
export class AbandonedRows {
  private page: readonly PendingEntry[] = [];
  private at = 0;
  private isLastPage = false;
  private foundAny = true;
  private vainPages = 0;

  /** @param cursor - where to begin, as XPENDING takes it: `-`, or `(` and the id before it */
  constructor(
    private readonly parts: AbandonedRowsParts,
    private cursor: string,
  ) {}

  /** Reads the next page, if the one at hand is through. */
  async readOn(): Promise<void> {
    if (this.at < this.page.length || this.isOver) return;
    const { readPage, pageSize } = this.parts;
    this.page = await readPage(this.cursor, pageSize);
    this.at = 0;
    this.isLastPage = this.page.length < pageSize;
    this.foundAny = false;
  }

  /** Takes up to that many of the page at hand. */
  take(most: number): PendingEntry[] {
    const taken: PendingEntry[] = [];
    for (; taken.length < most && this.at < this.page.length; this.at += 1) {
      const row = this.page[this.at];
      if (row && this.parts.isAbandoned(row)) taken.push(row);
    }
    const last = this.page[this.at - 1];
    if (last) this.cursor = `(${last.id}`;
    this.foundAny ||= taken.length > 0;
    if (this.at === this.page.length && !this.foundAny) this.vainPages += 1;
    return taken;
  }

  /** Whether nothing is left to take in this run. */
  get isOver(): boolean {
    if (this.at < this.page.length) return false;
    return this.isLastPage || this.vainPages >= VAIN_PAGES_PER_RUN;
  }

  /** Where a later run goes on; undefined for the beginning. */
  get next(): string | undefined {
    const isThrough = this.isLastPage && this.at === this.page.length;
    return isThrough || this.cursor === '-' ? undefined : this.cursor;
  }
}

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
