import { readerOf } from '../entry/wire-entry.js';
import type { DeliveredEntry } from '../entry/entry.js';

/** Most entries that wait here for a slot. */
const MAX_BUFFERED = 256;
/** Entries are buffered only as far as they can be expected to start within this time, in milliseconds. */
const BUFFER_AHEAD_MS = 500;
/** Handlers that are known to be quick are given more at once: each read and each acknowledgement costs a round trip. */
const MAX_BUFFERED_QUICK = 1_024;
const QUICK_AHEAD_MS = 50;
/** About how many bytes are read at once, and may wait here for a slot. */
const MAX_READ_BYTES = 8_388_608;
/** How large entries are thought to be before the first has come, in bytes. */
const ASSUMED_BYTES = 65_536;
/** Handlers are not thought to take longer than this because of entries that waited too long, in milliseconds. */
const MOST_TYPICAL_MS = 60_000;
/** How much a new duration weighs against those before it. */
const NEW_DURATION_WEIGHT = 0.1;

/** Learns how long handlers take and how large entries are, and says how many entries are worth having at once. */
export class ReadSize {
  private typicalMs = 0;
  private typicalBytes = ASSUMED_BYTES;

  /** @param slots - how many handlers may run at once */
  constructor(private readonly slots: number) {}

  /** Most entries in one read. */
  get mostRead(): number {
    return Math.min(MAX_BUFFERED_QUICK, this.affordable);
  }

  /** How many may wait for a slot. At least one does, else a busier stream would take every slot that gets free. */
  get mostBuffered(): number {
    const few = Math.min(MAX_BUFFERED, this.startedWithin(BUFFER_AHEAD_MS));
    const many = this.typicalMs > 0 ? Math.min(MAX_BUFFERED_QUICK, this.startedWithin(QUICK_AHEAD_MS)) : 0;
    return Math.max(1, Math.min(Math.max(few, many), this.affordable));
  }

  /** Larger entries are believed at once, smaller ones by and by. */
  noteSizes(entries: readonly DeliveredEntry[]): void {
    if (entries.length === 0) return;
    let bytes = 0;
    for (const { entry } of entries) bytes += readerOf(entry).byteCount;
    const mean = Math.max(1, bytes / entries.length);
    this.typicalBytes = mean > this.typicalBytes ? mean : (this.typicalBytes + mean) / 2;
  }

  noteDuration(ms: number): void {
    this.typicalMs += NEW_DURATION_WEIGHT * (ms - this.typicalMs);
  }

  /** Entries waited too long for a slot. Unless less is buffered, the same entries would go to and fro. */
  noteTooMany(): void {
    const longer = Math.min(Math.max(2 * this.typicalMs, 2 * BUFFER_AHEAD_MS), MOST_TYPICAL_MS);
    this.typicalMs = Math.max(this.typicalMs, longer);
  }

  /** How many entries are about as many bytes as may be read at once, or wait here; one at least. */
  private get affordable(): number {
    return Math.max(1, Math.floor(MAX_READ_BYTES / this.typicalBytes));
  }

  private startedWithin(ms: number): number {
    return Math.floor((this.slots * ms) / Math.max(this.typicalMs, 1));
  }
}
