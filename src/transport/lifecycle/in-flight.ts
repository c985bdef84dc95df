import { performance } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inOwnContext } from '../observe/own-context.js';
import { Signal } from '../redis/signal.js';
import { Delivery, type Origin } from '../entry/delivery.js';
import type { DeliveredEntry } from '../entry/entry.js';
import { DeliveryLostError } from '../entry/errors.js';
import type { Attempts } from './attempt.js';
import type { Blocking, LoopBlockage, WatchedStream } from './loop-blockage.js';
import { ReadSize, Turn, type Claimant, type Share, type Slots } from './slots.js';
import type { Settler } from './settle.js';

/** What the deliveries in flight are worked on with. */
export interface InFlightParts {
  readonly origin: Origin;
  readonly attempts: Pick<Attempts, 'run' | 'fail'>;
  readonly settler: Pick<Settler, 'handBack'>;
  readonly slots: Slots;
  /** How many handlers of the pattern may run at once; all slots unless given. */
  readonly maxInFlight?: number | undefined;
  /** Shared with the other streams. */
  readonly blockage: LoopBlockage;
  readonly onBlocked: (blocking: Blocking) => void;
  readonly onFailure: (error: unknown) => void;
}

/**
 * The deliveries of one stream that this process has and has not settled. Takes them on, buffers them, and has them
 * attempted as slots get free. The buffer is what lets the next read run while handlers do.
 */
export class InFlight implements Claimant, WatchedStream {
  private readonly held = new Map<string, Delivery>();
  private buffer: Delivery[] = [];
  private readonly size: ReadSize;
  /** What the pattern has of the slots. */
  readonly share: Share;
  private timedOut = 0;
  private closing = false;
  private paused = false;
  private isStarting = false;
  private readonly turn = new Turn(() => this.onFree());
  private readonly roomChanged = new Signal();
  private readonly heldChanged = new Signal();

  constructor(private readonly parts: InFlightParts) {
    this.share = parts.slots.add(this, parts.maxInFlight);
    this.size = new ReadSize(this.share.most);
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
    if (this.share.isReserved || this.isStopped) return 0;
    return this.share.free + this.size.mostBuffered - this.buffer.length;
  }

  /** Whether there is enough room that it is worth asking Redis for entries. */
  get isRoomy(): boolean {
    return this.room >= 1 && this.buffer.length <= this.size.mostBuffered / 2;
  }

  /** Resolves when there may be such room, or the time is over. */
  async roomWithin(ms: number): Promise<void> {
    await this.roomChanged.within(ms);
  }

  /** Resolves with how many more entries are welcome, once that is worth a read. */
  async whenRoom(): Promise<number> {
    while (!this.isRoomy) await this.roomChanged.next();
    return Math.min(this.room, this.size.mostRead);
  }

  /** Takes entries on that were delivered to this process. */
  accept(entries: readonly DeliveredEntry[]): void {
    const now = performance.now();
    this.turn.begin(now); // An answer of Redis has come: everything else had its turn just now.
    this.size.noteSizes(entries);
    for (const delivered of entries) {
      const earlier = this.held.get(delivered.entry.id);
      // An answer that came late may bring a delivery that is over; a newer delivery ends the one that is held.
      if (earlier && earlier.deliveryCount > delivered.deliveryCount) continue;
      if (earlier) this.lose(earlier);
      const delivery = new Delivery(this.parts.origin, delivered, now);
      this.held.set(delivery.id, delivery);
      this.buffer.push(delivery);
    }
    if (this.share.isReserved || this.isStopped) this.onReserved();
    else this.onFree();
  }

  /** Takes on nothing more; hands back what was not started, now and from reads that are still under way. */
  stopTaking(): void {
    this.closing = true;
    this.onReserved();
    this.roomChanged.notify();
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

  /** Attempts one delivery, and resolves when it is settled; the caller has made sure that nothing else runs. */
  async processAlone(delivered: DeliveredEntry): Promise<void> {
    const delivery = new Delivery(this.parts.origin, delivered, performance.now());
    delivery.slotFreed = true; // It runs without one.
    delivery.runsAlone = true;
    this.held.set(delivery.id, delivery);
    this.process(delivery);
    while (this.held.get(delivery.id) === delivery) await this.heldChanged.next();
    // How long it took counts for what is read next.
    await nextTurn();
  }

  onFree(): void {
    // A handler that ended at once gives its slot back from within: the loop that started it goes on.
    if (this.isStarting) return;
    this.isStarting = true;
    try {
      while (this.buffer.length > 0 && !this.paused && !this.turn.isOver() && this.share.tryTake()) {
        const next = this.buffer.shift();
        if (next) this.process(next);
      }
    } finally {
      this.isStarting = false;
    }
    // Whoever waits for room waits for this; to wake it for each entry would cost more than the entry.
    if (this.isRoomy) this.roomChanged.notify();
  }

  onReserved(): void {
    void this.handBack(0);
  }

  /** Nothing more is to be done about a delivery here. */
  forget(delivery: Delivery): void {
    // The same entry may have been delivered here again meanwhile.
    if (this.held.get(delivery.id) === delivery) this.held.delete(delivery.id);
    this.heldChanged.notify();
  }

  get deliveries(): Iterable<Delivery> {
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
      await this.parts.settler.handBack(waiting);
    } catch (error) {
      this.parts.onFailure(error);
      // Redis has them as ours: what is forgotten here would be found when its ack wait is over, and charged.
      if (!this.closing) {
        this.buffer.unshift(...waiting.filter((delivery) => this.held.get(delivery.id) === delivery));
        this.onFree();
        return;
      }
    }
    if (longerThanMs > 0) this.size.noteTooMany();
    for (const delivery of waiting) this.forget(delivery);
    this.roomChanged.notify();
  }

  /** Resolves when nothing is held. */
  async idle(): Promise<void> {
    while (this.held.size > 0) await this.heldChanged.next();
  }

  /** Notifies running handlers that their result no longer counts. */
  abort(reason: Error): void {
    for (const delivery of this.held.values()) delivery.abort(reason);
  }

  private process(delivery: Delivery): void {
    let running: Promise<unknown> | undefined;
    try {
      running = inOwnContext(() => this.parts.attempts.run(delivery));
    } catch (error) {
      this.broken(delivery, error);
    }
    if (delivery.startedAt !== undefined)
      this.parts.blockage.noteReturn(this, delivery.id, delivery.startedAt);
    if (running) void this.whenEnded(delivery, running);
    else this.ended(delivery);
  }

  private async whenEnded(delivery: Delivery, running: Promise<unknown>): Promise<void> {
    try {
      await running;
    } catch (error) {
      this.broken(delivery, error);
    }
    this.ended(delivery);
  }

  private ended(delivery: Delivery): void {
    if (delivery.isOverdue) this.timedOut -= 1;
    if (delivery.startedAt !== undefined) {
      // What succeeded has noted when; the clock is read for the others.
      const endedAt = delivery.caughtUpAt ?? delivery.finishedAt ?? performance.now();
      this.parts.blockage.noteEnd(this, delivery.id, endedAt);
      this.size.noteDuration(endedAt - delivery.startedAt);
    }
    this.freeSlot(delivery);
  }

  /** Its handler may go on, and no longer counts. */
  private overrun(delivery: Delivery, reason: Error): void {
    delivery.isOverdue = true;
    this.timedOut += 1;
    delivery.abort(reason);
  }

  /** Ends a delivery as failed whose handler is out of time. */
  async expire(delivery: Delivery, error: Error): Promise<void> {
    this.overrun(delivery, error);
    try {
      await this.parts.attempts.fail(delivery, error);
    } catch (unforeseen) {
      this.broken(delivery, unforeseen);
    }
    this.freeSlot(delivery);
  }

  /** What nobody foresaw ends this delivery alone: the entry stays pending, and is found when its ack wait is over. */
  private broken(delivery: Delivery, error: unknown): void {
    this.parts.onFailure(error);
    delivery.takeEnding();
    this.forget(delivery);
  }

  private freeSlot(delivery: Delivery): void {
    if (delivery.slotFreed) return;
    delivery.slotFreed = true;
    this.share.release();
  }

  /** Its entry was given to another process. */
  lose(delivery: Delivery): void {
    // One whose acknowledgement is on its way has its ending already, and is forgotten when that is answered.
    if (delivery.isDecided || delivery.isLost) return;
    delivery.isLost = true;
    const hasStarted = delivery.startedAt !== undefined;
    if (hasStarted) this.overrun(delivery, new DeliveryLostError(delivery.id));
    else delivery.takeEnding();
    this.buffer = this.buffer.filter((buffered) => buffered !== delivery);
    this.forget(delivery);
    if (hasStarted) this.freeSlot(delivery);
    else this.roomChanged.notify();
  }
}
