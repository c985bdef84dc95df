import { BaseRpcContext } from '@nestjs/microservices';
import type { CommitTransaction } from '../entry/commit-transaction.js';
import { fieldPairs } from '../entry/dead-letter.js';
import { DATA_FIELD, isNamed, type Headers, type StreamEntry } from '../entry/entry.js';
import { knowByName } from '../entry/known-by-name.js';

/** The delivery that a context stands for. The transport makes it; a test of a handler may make one of its own. */
export interface HandledDelivery {
  /** The id of the entry. */
  readonly id: string;
  /** How often the group has delivered the entry, this time included. */
  readonly deliveryCount: number;
  /** Attempts before this one, those that the entry came with included. */
  readonly retry: number;
  /** How often the entry was put back from the dead letters. */
  readonly replays: number;
  /** The fields next to the payload. */
  readonly headers: Headers;
  /** What the handler is given, before any pipe. */
  readonly payload: unknown;
  /** Where the entry was read, and as whom. */
  readonly source: {
    /** The logical pattern. */
    readonly pattern: string;
    /** The key of the stream. */
    readonly stream: string;
    /** The consumer group. */
    readonly group: string;
    /** The name of this process in the group. */
    readonly consumer: string;
  };
  /** Aborts when the handler's result will no longer count. */
  readonly signal: AbortSignal;
  /** What the store of `@Idempotent` lets the handler write with; undefined where it has none. */
  readonly storeTransaction: unknown;
  /** Whether the handler said that the delivery has no effect. */
  isDuplicate: boolean;
  /** Collects more of what takes effect together with the acknowledgement. */
  commit(collect: (tx: CommitTransaction) => unknown): void;
}

/** What a handler can learn about the delivery that it handles: `handle(@Payload() order, @Ctx() context)`. */
export class RedisStreamsContext extends BaseRpcContext<[delivery: HandledDelivery, entry: StreamEntry]> {
  /** The logical pattern, as `@EventPattern` names it. */
  getPattern(): string {
    return this.args[0].source.pattern;
  }

  /** The key of the stream that the entry was read from. */
  getStream(): string {
    return this.args[0].source.stream;
  }

  /** The id of the entry, such as `1718000000000-0`. A retry has the same id; a replay has a new one. */
  getEntryId(): string {
    return this.args[0].id;
  }

  /** The consumer group that the entry was delivered to. */
  getGroup(): string {
    return this.args[0].source.group;
  }

  /** The name of this process's consumer in the group; new at every start. */
  getConsumer(): string {
    return this.args[0].source.consumer;
  }

  /** How often the group has delivered the entry, this time included: 1 at the first delivery. */
  getDeliveryCount(): number {
    return this.args[0].deliveryCount;
  }

  /** Attempts before this one, those that the entry came with included: 0 at the first. */
  getRetry(): number {
    return this.args[0].retry;
  }

  /**
   * How often the entry was put back from the dead letters: 0 unless a replay of this library made it. A producer can
   * write a header `dlt-replays`; it does not count.
   */
  getReplays(): number {
    return this.args[0].replays;
  }

  /**
   * The fields next to the payload, such as `correlation-id` or `traceparent`. One that is not UTF-8 is left out; it is in
   * {@link RedisStreamsContext.getRawFields}, and the event `headers-left-out` names it.
   */
  getHeaders(): Headers {
    return this.args[0].headers;
  }

  /**
   * The entry as it stands in the stream: its fields in their order, each a name and a value, as bytes. For what cannot be
   * decoded: a handler of a dead-letter stream is given `undefined` as payload then. Headers that are not UTF-8 are here.
   */
  getRawFields(): (readonly [name: Buffer, value: Buffer])[] {
    return [...fieldPairs(this.args[1].parts)];
  }

  /**
   * The payload as the producer wrote it: the bytes of the field `data`, with the digits of numbers beyond 2^53, which
   * `JSON.parse` rounds; see also the option `bigNumbers` of the server.
   *
   * @returns undefined where the entry has no such field: its payload is its fields, see {@link RedisStreamsContext.getRawFields}
   */
  getRawPayload(): Buffer | undefined {
    let payload: Buffer | undefined;
    for (const [name, value] of this.getRawFields()) if (isNamed(name, DATA_FIELD)) payload = value;
    return payload;
  }

  /** What a client's dispatch hook put into `packet.metadata`. It travels as headers, so these are the headers. */
  getMetadata(): Headers {
    return this.args[0].headers;
  }

  /**
   * Collects Redis writes and follow-up events that take effect together with the acknowledgement of the entry, in one
   * atomic step, or not at all. Nothing is sent before the handler has ended well. May be called several times; all that
   * is collected in one delivery is one transaction, in the order of the calls.
   *
   * When the entry was given to another process meanwhile, the first run that ends well counts; where a later one has
   * ended, nothing is written, and `commit-refused` is emitted. When a
   * write cannot be made (a key of another type, a counter that would overflow, a missing right), nothing is written,
   * and the delivery failed with {@link CommitRefusedError}. Calls to other systems are not part of it.
   *
   * @param collect - adds to the transaction at once; what it added is taken back when it throws
   * @throws CommitTooLargeError when it is more than one commit may carry
   * @throws UnencodableEventError for a value or an event that cannot be written, or a key in another hash slot
   * @throws DeliveryOverError when the handler has ended, or its result no longer counts
   *
   * @example
   * ```ts
   * context.commit((tx) => tx.hset(`{orders}:order:${id}`, { state: 'paid' }).emit('orders.paid', { orderId: id }));
   * ```
   */
  commit(collect: (tx: CommitTransaction) => unknown): void {
    this.args[0].commit(collect);
  }

  /**
   * Says that the delivery has no effect, since what it brings has ended before: when the handler has finished, it is
   * reported as `duplicate` instead of `processed`.
   *
   * @example
   * ```ts
   * if (await payments.isPaid(order.orderId)) return context.markDuplicate();
   * ```
   */
  markDuplicate(): void {
    this.args[0].isDuplicate = true;
  }

  /**
   * What the store of `@Idempotent` lets this handler write with, so that marker and effect are committed together: with
   * `PostgresIdempotencyStore` a client of `pg` within a transaction. Do not end the transaction or release the client.
   *
   * @throws Error when the handler has no store that opens transactions
   */
  getTransaction<T>(): T {
    const { storeTransaction, source } = this.args[0];
    if (storeTransaction === undefined) {
      throw new Error(
        `The handler of "${source.pattern}" has no transaction: give it @Idempotent with a store that opens one`,
      );
    }
    return storeTransaction as T;
  }

  /**
   * Aborts when the handler need not go on: its time is up, its entry was given to another process (what it ends first
   * still counts, and it can commit nothing more), or
   * this process ends and its grace period is over. The reason says which.
   */
  getSignal(): AbortSignal {
    return this.args[0].signal;
  }
}

knowByName({ RedisStreamsContext });
