import type { StreamEntry } from '../protocol/entry.js';

/** Reads what is new in one stream for one consumer; owns a connection, because a blocking read holds it. */
export interface StreamReader {
  /**
   * Waits for entries that no consumer of the group has had yet, and makes them pending for this one.
   *
   * @param count - how many at most
   * @returns none when nothing came within the block time
   */
  readNew(count: number): Promise<readonly StreamEntry[]>;
  /** Resolves when the link is up, at once if it is. */
  whenReady(): Promise<void>;
  /** Ends the connection; a read in progress is rejected. */
  close(): void;
}
