import type { EntryRef } from '../broker/settlement.js';
import type { Delivery } from '../protocol/entry.js';
import { WireEntry } from '../protocol/wire-entry.js';
import type { ReceivedEvent } from './received-event.js';

/** An entry that this process has taken on and not settled yet. */
export class HeldEntry implements EntryRef {
  /** The event that the handler was given, once it was. */
  event: ReceivedEvent | undefined;
  /** When the handler was started, on the clock of `performance.now()`. */
  startedAt: number | undefined;
  /** When its handler succeeded, on the same clock. */
  finishedAt: number | undefined;
  /** When Redis had caught up with what is to be acknowledged, if it lagged behind then. */
  caughtUpAt: number | undefined;
  /** Whether it is a crash suspect that runs with nothing beside it. */
  runsAlone = false;
  /**
   * Whether what its handler did is being committed elsewhere: only the end of that says what is to be settled, so
   * neither its timeout nor its loss decides anything meanwhile.
   */
  isCommitting = false;
  /** Whether it was given to another process while its handler ran; if it ends well first, that still counts. */
  isLost = false;
  /** Whether its handler went on after its time was up. */
  isOverdue = false;
  /** Whether the slot of its handler was given back. */
  slotFreed = false;
  readonly id: string;
  readonly deliveryCount: number;
  private kept: Delivery | undefined;
  private outcomeTaken = false;

  constructor(
    delivery: Delivery,
    /** When it was last known to be fresh in Redis, on the same clock. */
    public freshAt: number,
    /** When it was taken on. */
    readonly takenAt: number,
  ) {
    this.id = delivery.entry.id;
    this.deliveryCount = delivery.deliveryCount;
    this.kept = delivery;
  }

  /** What was delivered, for as long as it may be needed. */
  get delivery(): Delivery {
    if (!this.kept) throw new Error(`Entry ${this.id} was let go of`);
    return this.kept;
  }

  /** Only its acknowledgement is outstanding: payload and bytes need not outlive the handler. */
  letGo(): void {
    this.kept = undefined;
    this.event = undefined;
  }

  /** It stays here for long: what came over the wire with it shall not. */
  detach(): void {
    if (this.kept?.entry instanceof WireEntry) this.kept.entry.detach();
  }

  /** Whether its handler, or its time, has ended: all that is left is to write what becomes of it. */
  get hasEnded(): boolean {
    return this.outcomeTaken;
  }

  /** Whether it is settled, or what settles it is under way. */
  get isDecided(): boolean {
    return this.outcomeTaken || this.isCommitting;
  }

  /**
   * Takes the right to settle the entry: its handler's end, its timeout and the loss of the entry may all come.
   *
   * @returns whether nobody took it before, and no commit is under way that does
   */
  takeOutcome(): boolean {
    if (this.isCommitting) return false;
    const first = !this.outcomeTaken;
    this.outcomeTaken = true;
    return first;
  }
}
