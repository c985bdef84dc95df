import { CommitTransaction } from './commit-transaction.js';
import { decodeEntry, hasReplayFields, WireEntry } from './decode.js';
import { RETRY_FIELD, type DeliveredEntry, type Headers, type Replay, type StreamEntry } from './entry.js';
import { DeliveryOverError } from './errors.js';
import { DIAGNOSIS_BYTES } from './dead-letter-fields.js';
import { decodeLetter } from './dead-letter.js';
import type { StreamNaming } from './names.js';
import type { BigNumbers } from './payload-json.js';

const NO_HEADERS: Headers = Object.freeze({});

/** An entry as it was delivered: its id, and the delivery count that fences what is done to it. */
export interface EntryRef {
  /** The id of the entry, such as `1718000000000-0`. */
  readonly id: string;
  /** How often the group had delivered it by then: what is done under a lower count than Redis holds is refused. */
  readonly deliveryCount: number;
}

/** A marker that must hold a value for a commit to be applied, and that is written with it. */
export interface CommitGuard {
  /** A string key in the stream's hash slot that no write of the commit touches. */
  readonly key: string;
  /** What it must hold; otherwise the answer is `superseded`. */
  readonly expected: string;
  /** What it holds once the commit is applied, for `ttlMs` milliseconds. */
  readonly value: string;
  /** Milliseconds for which the value is kept. */
  readonly ttlMs: number;
}

/** Where an entry was read, and as whom. */
export interface Source {
  readonly pattern: string;
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
  /** Whether the stream is a dead-letter stream: what failed there stays there. */
  readonly isDeadLetterStream: boolean;
}

/** What all deliveries of one stream have in common. */
export interface Origin {
  readonly source: Source;
  /** Names the streams that follow-up events go to. */
  readonly naming: StreamNaming;
  /** Adds to the headers of a follow-up event what it needs to be traced. */
  readonly complete?: ((headers: Headers) => Headers) | undefined;
}

/** Whose pending entry it is, and for how many milliseconds it must have been idle. */
export interface Holding {
  readonly owner: string;
  readonly leastIdleMs: number;
}

/** What a delivery failed with. */
export interface Failure {
  readonly error: unknown;
  /** What exception filters were given, where `error` is what came out of them. */
  readonly original: unknown;
  /** Milliseconds that its handler had taken by then; 0 where it was not called. */
  readonly durationMs: number;
  /** What observers, hook and arbiter are given: one object for all of them, so that they know it again. */
  event?: object;
}

/** One entry given to this process once, from the read until Redis knows how it ended. */
export class Delivery implements EntryRef {
  readonly id: string;
  readonly deliveryCount: number;
  /** Whose pending entry it is: ours, unless it was abandoned by another consumer. */
  readonly holding: Holding;
  /** What a replay wrote into the entry, once it is known that one did. */
  replay: Replay | undefined;
  /** Undefined until it is decoded, and when it cannot be. */
  payload: unknown;
  headers = NO_HEADERS;
  /** Attempts before this one, those made elsewhere included. */
  retry: number;
  /** When its handler was started, on the clock of `performance.now()`. */
  startedAt: number | undefined;
  /** When its handler succeeded, on the same clock. */
  finishedAt: number | undefined;
  /** When Redis had caught up with what is to be acknowledged, if it lagged behind then. */
  caughtUpAt: number | undefined;
  failure: Failure | undefined;
  /** What was thrown in its handler, where exception filters made something else of it. */
  original: unknown;
  /** The key that its handler is called once for, as it was found in the payload: a handler may change that. */
  idempotencyKey: string | undefined;
  /** A marker that must hold for its success to count. */
  guard: CommitGuard | undefined;
  /** What the store of idempotency keys lets the handler write with, if it does. */
  storeTransaction: unknown;
  /** Whether its success had no effect, because what it brought had ended before. */
  isDuplicate = false;
  /** Whether it is a crash suspect that runs with nothing else. */
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
  private kept: StreamEntry | undefined;
  private collected: CommitTransaction | undefined;
  private isEndingTaken = false;
  private isHandlerOver = false;
  private controller: AbortController | undefined;
  private abortReason: Error | undefined;

  constructor(
    private readonly origin: Origin,
    { entry, deliveryCount }: DeliveredEntry,
    /** When it was taken on, on the clock of `performance.now()`. */
    readonly takenAt: number,
    holding?: Holding,
  ) {
    this.id = entry.id;
    this.kept = entry;
    this.deliveryCount = deliveryCount;
    this.retry = deliveryCount - 1;
    this.freshAt = takenAt;
    this.holding = holding ?? { owner: origin.source.consumer, leastIdleMs: 0 };
  }

  /** When it was last known to be fresh in Redis, on the same clock. */
  freshAt: number;

  get source(): Source {
    return this.origin.source;
  }

  /** The entry byte for byte, for as long as it may be needed. */
  get entry(): StreamEntry {
    if (!this.kept) throw new Error(`Entry ${this.id} was let go of`);
    return this.kept;
  }

  /** Whether the entry has fields that only a replay writes. What a dead letter says of replays is data there. */
  get claimsReplay(): boolean {
    return !this.source.isDeadLetterStream && hasReplayFields(this.entry);
  }

  /** How often the entry was put back from the dead letters, as far as a replay is noted for it. */
  get replays(): number {
    return this.replay?.replays ?? 0;
  }

  /**
   * Reads payload and headers.
   *
   * @param maxBytes - limit on an entry's names and values together, before dead-lettering adds to it
   * @param bigNumbers - what numbers beyond 2^53 - 1 become; without it they are rounded
   * @returns the names of headers that are left out because they are not UTF-8, if there are any
   * @throws MalformedEntryError when it does not follow the wire format and is no dead letter
   */
  decode(maxBytes: number, bigNumbers?: BigNumbers): readonly string[] | undefined {
    if (this.source.isDeadLetterStream) {
      // There the field says how many attempts failed before; it is data, and attempts are counted from 0.
      const letter = decodeLetter(this.entry, maxBytes + DIAGNOSIS_BYTES, bigNumbers);
      this.payload = letter.payload;
      this.headers = { ...letter.headers, [RETRY_FIELD]: String(letter.priorAttempts) };
      return letter.unreadable;
    }
    const { payload, headers, priorAttempts, unreadable } = decodeEntry(this.entry, maxBytes, bigNumbers);
    this.payload = payload;
    this.headers = headers;
    this.retry += priorAttempts;
    return unreadable;
  }

  /** Only its acknowledgement is outstanding: payload and bytes need not outlive the handler. */
  letGo(): void {
    this.kept = undefined;
    this.controller = undefined;
    this.payload = undefined;
  }

  /** It stays here for long: what came over the wire with it shall not. */
  detach(): void {
    if (this.kept instanceof WireEntry) this.kept.detach();
  }

  /** Whether its handler, or its time, has ended: all that is left is to write what becomes of it. */
  get hasEnded(): boolean {
    return this.isEndingTaken;
  }

  /** Whether it is settled, or what settles it is under way. */
  get isDecided(): boolean {
    return this.isEndingTaken || this.isCommitting;
  }

  /**
   * Takes the right to end it: its handler's end, its timeout and the loss of the entry may all come.
   *
   * @returns whether nobody took it before, and no commit is under way that does
   */
  takeEnding(): boolean {
    if (this.isCommitting) return false;
    const first = !this.isEndingTaken;
    this.isEndingTaken = true;
    return first;
  }

  /** Notes what it failed with. */
  fail(error: unknown, now: number): void {
    const durationMs = this.startedAt === undefined ? 0 : (this.finishedAt ?? now) - this.startedAt;
    this.failure = { error, original: this.original, durationMs };
  }

  /** Aborts when the handler's result will no longer count. Made on first use: most handlers never ask. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.abortReason) this.controller.abort(this.abortReason);
    return this.controller.signal;
  }

  /** Whether the handler's result no longer counts. */
  get isAborted(): boolean {
    return this.abortReason !== undefined;
  }

  abort(reason: Error): void {
    this.abortReason ??= reason;
    this.controller?.abort(reason);
  }

  /** What the handler wants to take effect together with the acknowledgement, if anything. */
  get transaction(): CommitTransaction | undefined {
    return this.collected;
  }

  /**
   * Collects more of it.
   *
   * @throws DeliveryOverError when the handler has ended, or its result no longer counts
   */
  commit(collect: (tx: CommitTransaction) => unknown): void {
    if (this.isHandlerOver || this.abortReason) {
      throw new DeliveryOverError(this.id, this.abortReason && { cause: this.abortReason });
    }
    const { source, naming, complete } = this.origin;
    const transaction = this.collected ?? new CommitTransaction(source.stream, naming, complete);
    transaction.collect(collect);
    this.collected = transaction;
  }

  /** Its handler has ended: nothing more is collected. */
  closeCommit(): void {
    this.isHandlerOver = true;
  }
}

/** The fence of a delivery, by itself. */
export function refOf({ id, deliveryCount }: EntryRef): EntryRef {
  return { id, deliveryCount };
}
