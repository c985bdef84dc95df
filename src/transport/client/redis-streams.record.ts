import type { Headers } from '../protocol/entry.js';
import { ENTRY_ID, StreamWrites } from '../protocol/stream-writes.js';

/** An event with what goes beside its payload; made by {@link RedisStreamsRecordBuilder}. */
export class RedisStreamsRecord<T = unknown> {
  constructor(
    readonly data: T,
    readonly headers: Headers,
    readonly writes: StreamWrites,
  ) {}
}

/**
 * Builds an event with headers, and with Redis writes that are applied in the same step.
 *
 * @example
 * ```ts
 * client.emit('orders', new RedisStreamsRecordBuilder(order).setHeaders({ 'correlation-id': id }).build());
 * ```
 */
export class RedisStreamsRecordBuilder<T = unknown> {
  private headers: Headers = {};
  private readonly writes = new StreamWrites();

  constructor(private data: T) {}

  /** Replaces the payload. */
  setData(data: T): this {
    this.data = data;
    return this;
  }

  /** Fields beside the payload; names and values are strings. `data`, `retry`, `dlt-…` and `replay-…` are reserved. */
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

  build(): RedisStreamsRecord<T> {
    return new RedisStreamsRecord(this.data, this.headers, this.writes);
  }
}
