import type { CommitGuard } from '../broker/settlement.js';
import { CommitTransaction } from '../protocol/commit-transaction.js';
import type { DecodedEntry, Delivery, Headers, StreamEntry } from '../protocol/entry.js';
import { RETRY_FIELD } from '../protocol/entry-fields.js';
import { DeliveryOverError } from '../protocol/errors/delivery-over.error.js';
import type { StreamNaming } from '../protocol/stream-key.js';
import { withActiveContext } from '../tracing/active-context.js';

/** Where an entry was read, and as whom. */
export interface Source {
  readonly pattern: string;
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
  /** Whether the stream is a dead-letter stream: what failed there stays there. */
  readonly isDeadLetterStream: boolean;
}

/** A decoded entry on its way through a handler. */
export class ReceivedEvent {
  readonly entryId: string;
  readonly deliveryCount: number;
  /** Attempts before this one, those made elsewhere included. */
  readonly retry: number;
  /** How often the entry was put back from the dead letters, as far as a replay is noted for it. */
  readonly replays: number;
  readonly payload: unknown;
  readonly headers: Headers;
  /** The entry as it was delivered. */
  readonly entry: StreamEntry;
  /** Whether its success had no effect, because what it brought had ended before. */
  isDuplicate = false;
  /** A marker that must hold for the success of this delivery to count. */
  guard: CommitGuard | undefined;
  /** What the store of idempotency keys lets the handler write with, if it does. */
  storeTransaction: unknown;
  private collected: CommitTransaction | undefined;
  private isOver = false;
  private controller: AbortController | undefined;
  private abortReason: Error | undefined;

  constructor(
    readonly source: Source,
    { entry, deliveryCount, replay }: Delivery,
    decoded: DecodedEntry,
    private readonly naming: StreamNaming = { streams: {}, cluster: false },
  ) {
    this.entry = entry;
    this.entryId = entry.id;
    this.deliveryCount = deliveryCount;
    this.replays = replay?.replays ?? 0;
    this.payload = decoded.payload;
    if (source.isDeadLetterStream) {
      // There the field tells of the attempts that failed before; it is data, and attempts count anew.
      this.retry = deliveryCount - 1;
      this.headers = { ...decoded.headers, [RETRY_FIELD]: String(decoded.priorAttempts) };
    } else {
      this.retry = deliveryCount - 1 + decoded.priorAttempts;
      this.headers = decoded.headers;
    }
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
    if (this.isOver || this.abortReason) {
      throw new DeliveryOverError(this.entryId, this.abortReason && { cause: this.abortReason });
    }
    const transaction =
      this.collected ?? new CommitTransaction(this.source.stream, this.naming, withActiveContext);
    transaction.collect(collect);
    this.collected = transaction;
  }

  /** Its handler has ended: nothing more is collected. */
  end(): void {
    this.isOver = true;
  }

  abort(reason: Error): void {
    this.abortReason ??= reason;
    this.controller?.abort(reason);
  }
}
