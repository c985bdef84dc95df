import type { Headers } from '../entry/entry.js';
import { UnencodableEventError } from '../entry/client-errors.js';
import { knowByName } from '../entry/known-by-name.js';
import { checkIdempotencyKey, type IdempotencyKey } from '../entry/names.js';
import { ENTRY_ID, StreamWrites } from '../entry/writes.js';

/** An event with what accompanies its payload; made by {@link RedisStreamsRecordBuilder}. */
export class RedisStreamsRecord<T = unknown> {
  constructor(
    /** The payload. */
    readonly data: T,
    /** Fields next to the payload. */
    readonly headers: Headers,
    /** Redis writes that are applied together with the entry. */
    readonly writes: StreamWrites,
    /** Names by which a repeat is known; the window is the client's where none is given. */
    readonly idempotency: {
      /** What is the same for every send of the event, and what distinguishes events with one key. */
      readonly keys: readonly { readonly key: string; readonly fingerprint: string }[];
      /** Milliseconds. */
      readonly windowMs?: number | undefined;
    } = {
      keys: [],
    },
  ) {}
}

knowByName({ RedisStreamsRecord });

/**
 * Builds an event with headers, and with Redis writes that are applied in the same step.
 *
 * @example
 * ```ts
 * const record = new RedisStreamsRecordBuilder(order)
 *   .setHeaders({ 'correlation-id': correlationId })
 *   .setIdempotencyKey(order.orderId)
 *   .setWrites((writes, entryId) => writes.hset(`{orders}:order:${order.orderId}`, { state: 'accepted', entryId }))
 *   .build();
 * client.emit('orders', record);
 * ```
 */
export class RedisStreamsRecordBuilder<T = unknown> {
  private headers: Headers = {};
  private readonly writes = new StreamWrites();
  private readonly keys: IdempotencyKey[] = [];
  private windowMs: number | undefined;

  constructor(private data: T) {}

  /** Replaces the payload. */
  setData(data: T): this {
    this.data = data;
    return this;
  }

  /** Fields next to the payload; names and values are strings. `data`, `retry`, `dlt-…` and `replay-…` are reserved. */
  setHeaders(headers: Headers): this {
    this.headers = { ...headers };
    return this;
  }

  /**
   * Redis writes that are applied together with the entry, or not at all.
   *
   * @param collect - gets the writes to add to, and what stands for the id of the new entry
   */
  setWrites(collect: (writes: StreamWrites, entryId: typeof ENTRY_ID) => unknown): this {
    collect(this.writes, ENTRY_ID);
    return this;
  }

  /**
   * Names the event: while the window lasts, sending it again adds nothing, applies no writes, and gives the id of the
   * first entry. So a caller may repeat what may have been sent. The key travels as the header `idempotency-key`; such a
   * header that was set by other means counts the same. May be called again for a further name.
   *
   * @param key - what is the same for every send of this event, and for no other event of the stream
   * @param fingerprint - distinguishes events that may be sent with one key by mistake: a repeat with another one fails
   * with {@link IdempotencyKeyReusedError}
   * @param windowMs - milliseconds; `dedupWindowMs` of the client by default
   * @throws UnencodableEventError when the key is empty
   */
  setIdempotencyKey(key: string, windowMs?: number, fingerprint = ''): this {
    if (windowMs !== undefined && (!Number.isSafeInteger(windowMs) || windowMs < 1)) {
      throw new UnencodableEventError(
        'the window of an idempotency key is a whole number of milliseconds above 0',
      );
    }
    this.keys.push({ key: checkIdempotencyKey(key), fingerprint });
    this.windowMs = windowMs ?? this.windowMs;
    return this;
  }

  /** The event, for `emit`. */
  build(): RedisStreamsRecord<T> {
    const { keys, windowMs } = this;
    return new RedisStreamsRecord(this.data, this.headers, this.writes, { keys: [...keys], windowMs });
  }
}
