import { performance } from 'node:perf_hooks';
import type { SettlementBroker } from '../broker/stream-broker.js';
import type { Delivery } from '../protocol/entry.js';
import { readerOf } from '../protocol/entry-reader.js';
import { DeliveryLostError } from '../protocol/errors/delivery-lost.error.js';
import { HandlerTimeoutError } from '../protocol/errors/handler-timeout.error.js';
import type { EntryProcessor, ProcessingEnd } from './entry-processor.js';
import { HeldEntry } from './held-entry.js';
import type { Blocking, LoopBlockage, WatchedStream } from './loop-blockage.js';
import { Signal } from '../broker/signal.js';
import type { Claimant, Slots } from './slots.js';

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
/** For how long handlers are started before everything else has its turn, in milliseconds. */
const TURN_MS = 50;
/** Handlers are not thought to take longer than this because of entries that waited too long, in milliseconds. */
const MOST_TYPICAL_MS = 60_000;
/** How much a new duration weighs against those before it. */
const NEW_DURATION_WEIGHT = 0.1;

/** What a consumer works with. */
export interface ConsumerParts {
  readonly stream: string;
  readonly broker: Pick<SettlementBroker, 'release' | 'extend'>;
  readonly processor: EntryProcessor;
  readonly slots: Slots;
  /** Shared with the other streams. */
  readonly blockage: LoopBlockage;
  readonly onBlocked: (blocking: Blocking) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Takes deliveries of one stream, buffers them, and hands them to the processor as slots get free. The buffer is what
 * lets the next read run while handlers do.
 */
export class StreamConsumer implements Claimant, WatchedStream {
  private readonly held = new Map<string, HeldEntry>();
  private buffer: HeldEntry[] = [];
  private typicalMs = 0;
  private typicalBytes = ASSUMED_BYTES;
  private timedOut = 0;
  private closing = false;
  private paused = false;
  private isStarting = false;
  private isPausing = false;
  /** Since when handlers are started, on the clock of `performance.now()`. */
  private turnBegan = 0;
  private readonly roomChanged = new Signal();
  private readonly heldChanged = new Signal();

  constructor(private readonly parts: ConsumerParts) {
    parts.slots.addClaimant(this);
    parts.blockage.add(this);
  }

  /** Whether this process has the entry and has not settled it. */
  holds(id: string): boolean {
    return this.held.has(id);
  }

  /** How many handlers go on although their time was up. */
  get overdueHandlers(): number {
    return this.timedOut;
  }

  /** How many entries were given to a handler and are not settled yet. */
  get inFlight(): number {
    return this.held.size - this.buffer.length;
  }

  /** How many handlers run, and of how many that have ended Redis does not know yet what became. */
  get unfinished(): { readonly running: number; readonly unwritten: number } {
    const started = [...this.held.values()].filter(({ startedAt }) => startedAt !== undefined);
    const unwritten = started.filter(({ hasEnded }) => hasEnded).length;
    return { running: started.length - unwritten, unwritten };
  }

  /** How many more entries are welcome now. */
  get room(): number {
    const { slots } = this.parts;
    if (slots.isReserved || this.isStopped) return 0;
    return slots.free + this.mostBuffered - this.buffer.length;
  }

  /** How many may wait here. At least one does, else a busier stream would take every slot that gets free. */
  private get mostBuffered(): number {
    const few = Math.min(MAX_BUFFERED, this.startedWithin(BUFFER_AHEAD_MS));
    const many = this.typicalMs > 0 ? Math.min(MAX_BUFFERED_QUICK, this.startedWithin(QUICK_AHEAD_MS)) : 0;
    return Math.max(1, Math.min(Math.max(few, many), this.affordable));
  }

  /** How many entries are about as many bytes as may be read at once, or wait here; one at least. */
  private get affordable(): number {
    return Math.max(1, Math.floor(MAX_READ_BYTES / this.typicalBytes));
  }

  private startedWithin(ms: number): number {
    return Math.floor((this.parts.slots.limit * ms) / Math.max(this.typicalMs, 1));
  }

  /** Whether there is so much room that it is worth asking Redis for entries. */
  get isRoomy(): boolean {
    return this.room >= 1 && this.buffer.length <= this.mostBuffered / 2;
  }

  /** Resolves when there may be such room, or the time is over. */
  async roomWithin(ms: number): Promise<void> {
    await this.roomChanged.within(ms);
  }

  /** Resolves with how many more entries are welcome, once that is worth a read. */
  async whenRoom(): Promise<number> {
    while (!this.isRoomy) await this.roomChanged.next();
    return Math.min(this.room, MAX_BUFFERED_QUICK, this.affordable);
  }

  /** Takes deliveries on. */
  accept(deliveries: readonly Delivery[]): void {
    const now = performance.now();
    this.turnBegan = now; // An answer of Redis has come: everything else had its turn just now.
    this.noteSizes(deliveries);
    for (const delivery of deliveries) {
      const earlier = this.held.get(delivery.entry.id);
      // An answer that came late tells of a delivery that is over; a newer delivery ends the one that is held.
      if (earlier && earlier.deliveryCount > delivery.deliveryCount) continue;
      if (earlier) this.lose(earlier);
      const entry = new HeldEntry(delivery, now, now);
      this.held.set(entry.id, entry);
      this.buffer.push(entry);
    }
    if (this.parts.slots.isReserved || this.isStopped) this.onReserved();
    else this.onFree();
  }

  /** Takes on nothing more; hands back what was not started, now and from reads that are still under way. */
  stopTaking(): void {
    this.closing = true;
    this.onReserved();
    this.roomChanged.tell();
  }

  /** Takes on nothing more for now; hands back what was not started. Handlers that run go on. */
  pause(): void {
    this.paused = true;
    this.onReserved();
  }

  resume(): void {
    this.paused = false;
    this.onFree();
  }

  private get isStopped(): boolean {
    return this.closing || this.paused;
  }

  /** Whether nothing more is taken on. */
  isClosing(): boolean {
    return this.closing;
  }

  /** Handles one delivery, and resolves when it is settled; the caller has made sure that nothing else runs. */
  async processAlone(delivery: Delivery): Promise<void> {
    const entry = new HeldEntry(delivery, performance.now(), performance.now());
    entry.slotFreed = true; // It runs without one.
    entry.runsAlone = true;
    this.held.set(entry.id, entry);
    this.process(entry);
    while (this.held.get(entry.id) === entry) await this.heldChanged.next();
  }

  onFree(): void {
    // A handler that ended at once gives its slot back from within: the loop that started it goes on.
    if (this.isStarting) return;
    this.isStarting = true;
    try {
      while (this.buffer.length > 0 && !this.paused && !this.isTurnOver() && this.parts.slots.tryTake()) {
        const next = this.buffer.shift();
        if (next) this.process(next);
      }
    } finally {
      this.isStarting = false;
    }
    // Whoever waits for room waits for this; to wake it for each entry would cost more than the entry.
    if (this.isRoomy) this.roomChanged.tell();
  }

  onReserved(): void {
    void this.handBack(0);
  }

  /**
   * Handlers that compute and never wait start one another without an end: what waits here could take seconds, in which
   * nothing is acknowledged and no heartbeat sent. So after a while the event loop goes round once.
   */
  private isTurnOver(): boolean {
    if (this.isPausing) return true;
    if (performance.now() - this.turnBegan < TURN_MS) return false;
    this.isPausing = true;
    setImmediate(() => {
      this.isPausing = false;
      this.turnBegan = performance.now();
      this.onFree();
    });
    return true;
  }

  /** Entries are acknowledged. */
  acknowledged(ids: readonly string[]): void {
    for (const id of ids) {
      // The same entry may have been delivered here again meanwhile, and be on its way.
      if (this.held.get(id)?.isDecided) this.held.delete(id);
    }
    this.heldChanged.tell();
  }

  /** An entry is settled. */
  settled(entry: HeldEntry): void {
    this.forget(entry);
  }

  /** What this process has and has not settled. */
  get entries(): Iterable<HeldEntry> {
    return this.held.values();
  }

  onBlocked(blocking: Blocking): void {
    this.parts.onBlocked(blocking);
  }

  /**
   * Hands entries that wait for a slot since longer than this back, uncharged, so that idle processes get them. While
   * the intake stands still nothing is started, and how long an entry waits says nothing of the handlers.
   */
  async handBack(longerThanMs: number): Promise<void> {
    if (this.paused && longerThanMs > 0) return;
    const before = performance.now() - longerThanMs;
    const waiting = this.buffer.filter(({ takenAt }) => takenAt <= before);
    if (waiting.length === 0) return;
    this.buffer = this.buffer.filter(({ takenAt }) => takenAt > before);
    try {
      await this.parts.broker.release(this.parts.stream, waiting);
    } catch (error) {
      this.parts.onFailure(error);
      // Redis has them as ours: what is forgotten here would be found when its ack wait is over, and charged.
      if (!this.closing) {
        this.takeBack(waiting);
        return;
      }
    }
    // Handlers take longer than was thought: buffer less, or the same entries would go to and fro.
    if (longerThanMs > 0) this.typicalMs = Math.max(this.typicalMs, this.longerThanThought);
    for (const entry of waiting) this.forget(entry);
    this.roomChanged.tell();
  }

  private get longerThanThought(): number {
    return Math.min(Math.max(2 * this.typicalMs, 2 * BUFFER_AHEAD_MS), MOST_TYPICAL_MS);
  }

  private takeBack(waiting: readonly HeldEntry[]): void {
    this.buffer.unshift(...waiting.filter((entry) => this.held.get(entry.id) === entry));
    this.onFree();
  }

  /** Treats handlers that run for longer than this as failed. */
  expire(timeoutMs: number): void {
    const before = performance.now() - timeoutMs;
    for (const entry of this.held.values()) {
      if (entry.startedAt === undefined || entry.startedAt > before || entry.isDecided) continue;
      void this.expireOne(entry, new HandlerTimeoutError(timeoutMs));
    }
  }

  /** Keeps entries from looking abandoned that were not fresh in Redis for longer than this. */
  async keepFresh(longerThanMs: number): Promise<void> {
    const now = performance.now();
    const aging = [...this.held.values()].filter(({ freshAt }) => freshAt <= now - longerThanMs);
    if (aging.length === 0) return;
    for (const entry of aging) entry.detach();
    const lost = new Set(await this.parts.broker.extend(this.parts.stream, aging));
    for (const entry of aging) {
      if (lost.has(entry.id)) this.lose(entry);
      else entry.freshAt = now;
    }
  }

  /** Resolves when nothing is held. */
  async idle(): Promise<void> {
    while (this.held.size > 0) {
      await this.heldChanged.next();
    }
  }

  /** Tells running handlers that their result no longer counts. */
  abort(reason: Error): void {
    for (const { event } of this.held.values()) event?.abort(reason);
  }

  /** Larger entries are believed at once, smaller ones by and by. */
  private noteSizes(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return;
    let bytes = 0;
    for (const { entry } of deliveries) bytes += readerOf(entry).byteCount;
    const mean = Math.max(1, bytes / deliveries.length);
    this.typicalBytes = mean > this.typicalBytes ? mean : (this.typicalBytes + mean) / 2;
  }

  private process(entry: HeldEntry): void {
    let end: ProcessingEnd | Promise<ProcessingEnd>;
    try {
      end = this.parts.processor.process(entry);
    } catch (error) {
      end = this.broken(entry, error);
    }
    if (entry.startedAt !== undefined) this.parts.blockage.noteReturn(this, entry.id, entry.startedAt);
    if (typeof end === 'string') this.ended(entry, end);
    else void this.whenProcessed(entry, end);
  }

  private async whenProcessed(entry: HeldEntry, processing: Promise<ProcessingEnd>): Promise<void> {
    let end: ProcessingEnd;
    try {
      end = await processing;
    } catch (error) {
      end = this.broken(entry, error);
    }
    this.ended(entry, end);
  }

  private ended(entry: HeldEntry, end: ProcessingEnd): void {
    if (entry.isOverdue) this.timedOut -= 1;
    if (entry.startedAt !== undefined) {
      // What succeeded has noted when; the clock is read for the others.
      const endedAt = entry.caughtUpAt ?? entry.finishedAt ?? performance.now();
      this.parts.blockage.noteEnd(this, entry.id, endedAt);
      this.typicalMs += NEW_DURATION_WEIGHT * (endedAt - entry.startedAt - this.typicalMs);
    }
    if (end === 'settled') this.forget(entry);
    this.freeSlot(entry);
  }

  /** Its handler may go on, and no longer counts. */
  private overrun(entry: HeldEntry, reason: Error): void {
    entry.isOverdue = true;
    this.timedOut += 1;
    entry.event?.abort(reason);
  }

  private async expireOne(entry: HeldEntry, error: Error): Promise<void> {
    this.overrun(entry, error);
    const end = await this.parts.processor
      .fail(entry, error)
      .catch((unforeseen: unknown) => this.broken(entry, unforeseen));
    if (end === 'settled') this.forget(entry);
    this.freeSlot(entry);
  }

  /** What nobody foresaw ends this delivery alone: the entry stays pending, and is found when its ack wait is over. */
  private broken(entry: HeldEntry, error: unknown): ProcessingEnd {
    this.parts.onFailure(error);
    entry.takeOutcome();
    return 'settled';
  }

  private freeSlot(entry: HeldEntry): void {
    if (entry.slotFreed) return;
    entry.slotFreed = true;
    this.parts.slots.release();
  }

  private lose(entry: HeldEntry): void {
    // An acknowledgement on its way has the outcome already, and ends in `acknowledged`.
    if (entry.isDecided || entry.isLost) return;
    entry.isLost = true;
    if (entry.startedAt === undefined) entry.takeOutcome();
    else this.overrun(entry, new DeliveryLostError(entry.id));
    this.buffer = this.buffer.filter((buffered) => buffered !== entry);
    this.forget(entry);
    if (entry.startedAt !== undefined) this.freeSlot(entry);
    else this.roomChanged.tell();
  }

  private forget(entry: HeldEntry): void {
    // The same entry may have been delivered here again meanwhile.
    if (this.held.get(entry.id) === entry) this.held.delete(entry.id);
    this.heldChanged.tell();
  }
}
