import { Signal } from '../redis/signal.js';
import { performance } from 'node:perf_hooks';
import { readerOf } from '../entry/decode.js';
import type { DeliveredEntry } from '../entry/entry.js';

/** One of the patterns that share the slots. */
export interface Claimant {
  /** A slot may be free. */
  onFree(): void;
  /** Somebody is about to run alone: let go of what was taken on and not started. */
  onReserved(): void;
}

/** The part of all slots that is kept for patterns that do not use it, and that no other pattern borrows. */
const KEPT_PART = 1 / 4;

/** Bounds how many handlers run at once in a process, and shares the room among its patterns. */
export class Slots {
  private readonly shares: Share[] = [];
  private taken = 0;
  /** Slots that are kept for patterns that do not use them now. */
  private kept = 0;
  private turn = 0;
  private reserved = false;
  private readonly quiet = new Signal();

  constructor(readonly limit: number) {}

  /**
   * Adds a pattern. Each may always run a few handlers, one at least where there are as many slots as patterns; what it
   * does not use of the rest is lent, and comes back as handlers end.
   *
   * @param most - how many of its handlers may run at once
   */
  add(claimant: Claimant, most = this.limit): Share {
    const share = new Share(this, claimant, Math.min(most, this.limit));
    this.shares.push(share);
    const patterns = this.shares.length;
    const each = patterns > this.limit ? 0 : Math.max(1, Math.floor((this.limit * KEPT_PART) / patterns));
    this.kept = 0;
    for (const one of this.shares) this.kept += one.keep(patterns === 1 ? 0 : each);
    return share;
  }

  /** Whether each pattern may always run a handler. */
  get sufficesForAll(): boolean {
    return this.shares.length <= this.limit;
  }

  /** How many handlers may be started now, whosever they are. */
  get free(): number {
    return this.reserved ? 0 : this.limit - this.taken;
  }

  /** How many handlers of one pattern may be started now. */
  freeFor(share: Share): number {
    return Math.max(0, Math.min(share.most - share.taken, this.free - this.kept + share.unused));
  }

  /** Whether somebody runs alone, or is about to. */
  get isReserved(): boolean {
    return this.reserved;
  }

  /** @param unused - how much less of what is kept for it the pattern leaves unused by then */
  take(unused: number): void {
    this.taken += 1;
    this.kept -= unused;
  }

  release(unused: number): void {
    this.taken -= 1;
    this.kept += unused;
    if (this.reserved) {
      if (this.taken === 0) this.quiet.notify();
      return;
    }
    this.offer();
  }

  /**
   * Runs something while no handler runs, and keeps others from starting.
   *
   * @param patienceMs - how long running handlers are waited for; nothing starts meanwhile
   * @returns whether it was run, or why not: somebody else runs alone, or handlers went on for longer
   */
  async alone(patienceMs: number, run: () => Promise<void>): Promise<'ran' | 'busy' | 'not-quiet'> {
    if (this.reserved) return 'busy';
    this.reserved = true;
    for (const { claimant } of this.shares) claimant.onReserved();
    try {
      if (!(await this.quietWithin(patienceMs))) return 'not-quiet';
      await run();
      return 'ran';
    } finally {
      this.reserved = false;
      this.offer();
    }
  }

  private async quietWithin(ms: number): Promise<boolean> {
    if (this.taken > 0) await this.quiet.within(ms);
    return this.taken === 0;
  }

  private offer(): void {
    // Each time another one is asked first, so that a busy stream does not starve a quiet one.
    this.turn = (this.turn + 1) % this.shares.length;
    for (let i = 0; i < this.shares.length && this.free > 0; i += 1) {
      const share = this.shares[(this.turn + i) % this.shares.length];
      share?.endWait();
      share?.claimant.onFree();
    }
  }
}

/** What one pattern has of the slots. */
export class Share {
  /** How many of its handlers run. */
  taken = 0;
  private guaranteed = 0;
  private waitsSince: number | undefined;

  constructor(
    private readonly slots: Slots,
    readonly claimant: Claimant,
    /** How many of its handlers may run at once. */
    readonly most: number,
  ) {}

  /** Keeps slots for the pattern. @returns how many of them it does not use */
  keep(slots: number): number {
    this.guaranteed = Math.min(slots, this.most);
    return this.unused;
  }

  /** How many of the slots that are kept for it it does not use. */
  get unused(): number {
    return Math.max(0, this.guaranteed - this.taken);
  }

  /** How many of its handlers may be started now. */
  get free(): number {
    return this.slots.freeFor(this);
  }

  /** Whether a suspect runs alone, or is about to. */
  get isReserved(): boolean {
    return this.slots.isReserved;
  }

  /** For how many milliseconds entries have waited while no slot became free; 0 where one is. */
  get exhaustedForMs(): number {
    const { waitsSince } = this;
    return waitsSince === undefined || this.isReserved || this.free > 0 ? 0 : performance.now() - waitsSince;
  }

  /** A slot may be free: then what waited waits no longer, though it was handed back and another process has it. */
  endWait(): void {
    if (this.waitsSince !== undefined && this.free > 0) this.waitsSince = undefined;
  }

  /** Takes a slot for an entry that waits. @returns whether there was one */
  tryTake(): boolean {
    if (this.free <= 0) {
      this.waitsSince ??= performance.now();
      return false;
    }
    this.waitsSince = undefined;
    const { unused } = this;
    this.taken += 1;
    this.slots.take(unused - this.unused);
    return true;
  }

  release(): void {
    const { unused } = this;
    this.taken -= 1;
    this.slots.release(this.unused - unused);
  }
}

/** For how long handlers are started before everything else has its turn, in milliseconds. */
const TURN_MS = 50;
/**
 * Handlers that compute and never wait start one another without an end: what waits here could take seconds, in which
 * nothing is acknowledged and no heartbeat sent. So after a while the event loop goes round once.
 */
export class Turn {
  private began = 0;
  private isPausing = false;

  /** @param onNext - called when everything else had its turn */
  constructor(private readonly onNext: () => void) {}

  /** @param now - on the clock of `performance.now()` */
  begin(now: number): void {
    this.began = now;
  }

  /** Whether nothing more may be started now. */
  isOver(): boolean {
    if (this.isPausing) return true;
    if (performance.now() - this.began < TURN_MS) return false;
    this.isPausing = true;
    setImmediate(() => {
      this.isPausing = false;
      this.began = performance.now();
      this.onNext();
    });
    return true;
  }
}

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
