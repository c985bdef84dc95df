import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import { InvalidMessageException } from '@nestjs/microservices/errors/invalid-message.exception.js';
import { type Observable, throwError } from 'rxjs';
import { isCluster } from '../redis/links/connection-options.js';
import { saidOnce } from '../redis/fast/paths.js';
import { EntryPublisher } from '../redis/publisher/entry-publisher.js';
import type { Publication, Published } from '../redis/publisher/pending-emit.js';
import { encodeEntry } from '../entry/encode.js';
import type { Headers } from '../entry/entry.js';
import { RequestResponseUnsupportedError } from '../entry/client-errors.js';
import {
  checkPattern,
  helperKeyOf,
  streamKeyOf,
  checkIdempotencyKey,
  IDEMPOTENCY_KEY_HEADER,
  type Idempotency,
} from '../entry/names.js';
import { TransportLog } from '../observe/log.js';
import { reportStatus, type RedisStreamsStatus } from '../observe/link-status.js';
import { traceSend } from '../observe/trace-send.js';
import { checkStandIn, registeredTracer } from '../observe/trace-context.js';
import {
  resolveClientOptions,
  type RedisStreamsClientOptions,
  type ResolvedClientOptions,
} from './client-options.js';
import { RedisStreamsRecord } from './redis-streams.record.js';
import { UnheardFailures } from './unheard-failures.js';

const NO_HEADERS: Headers = Object.freeze({});

/**
 * Emits events to Redis Streams.
 *
 * `emit` completes with the id of the entry once Redis has it. It fails with {@link RedisUnavailableError} when Redis
 * does not answer within `emitTimeoutMs`; its `mayBeThere` says whether the entry may have been added all the same. It
 * fails with {@link EmitQueueFullError} when too much waits already. Emits to one stream are added in the order in which
 * they are made, and none is added twice; when one without an idempotency key is refused and sent again, one with a key
 * may overtake it.
 *
 * @example
 * ```ts
 * ClientsModule.register([
 *   { name: 'ORDERS', customClass: RedisStreamsClient, options: { connection: { url: 'redis://localhost:6379' } } },
 * ]);
 * ```
 */
export class RedisStreamsClient extends ClientProxy {
  private readonly options: ResolvedClientOptions;
  private publisher: EntryPublisher | undefined;
  private readonly log: TransportLog;
  private readonly unheard: UnheardFailures;
  private readonly onMisfit = saidOnce((level, line) => this.log.write(level, line));

  /** @throws InvalidOptionError when an option cannot work */
  constructor(options: RedisStreamsClientOptions) {
    super();
    this.options = resolveClientOptions(options);
    this.log = new TransportLog(this.options.log, RedisStreamsClient.name);
    this.unheard = new UnheardFailures(this.log);
  }

  /**
   * Connects, unless it is connected; `emit` does so by itself.
   *
   * @throws RedisUnavailableError when Redis does not answer within `emitTimeoutMs`; it goes on in the background
   */
  async connect(): Promise<void> {
    await this.connection().whenReady();
  }

  /** Waits for events under way, then disconnects. The next `emit` connects again. */
  async close(): Promise<void> {
    const publisher = this.publisher;
    this.publisher = undefined;
    await publisher?.close();
    await this.unheard.flush();
  }

  /** Emits when the link to Redis comes and goes. */
  override get status(): Observable<RedisStreamsStatus> {
    return super.status as Observable<RedisStreamsStatus>;
  }

  /** The connection: an `ioredis` client. Do not block it. */
  unwrap<T>(): T {
    return this.connection().redis as T;
  }

  /** The key of the stream that a pattern stands for. */
  streamKey(pattern: string): string {
    const { streams, connection } = this.options;
    return streamKeyOf(pattern, { streams, cluster: isCluster(connection) });
  }

  /**
   * A key for something kept next to a stream, in the stream's hash slot: `helperKey('orders', 'order', '42')` is
   * `{orders}:order:42`.
   */
  helperKey(pattern: string, ...parts: string[]): string {
    return helperKeyOf(this.streamKey(pattern), ...parts);
  }

  /**
   * Writes an event to the stream that the pattern stands for. It is under way at once, whether or not anybody
   * subscribes; when it fails and nobody did, the log says so.
   *
   * @returns gives the id of the entry once Redis has it, and completes
   *
   * @example
   * ```ts
   * const entryId = await lastValueFrom(client.emit('orders', { orderId: 'o-1', sku: 'A-1', amount: 2 }));
   * ```
   */
  override emit<TResult = string>(pattern: unknown, data: unknown): Observable<TResult> {
    const isMissing = [pattern, data].some((value) => value === undefined || value === null);
    const sent = isMissing
      ? Promise.reject<TResult>(new InvalidMessageException())
      : this.dispatchEvent<TResult>({ pattern, data });
    return this.unheard.watch(() => this.normalizePattern(pattern as string), sent);
  }

  /**
   * Writes an event as `emit` does, and says whether it was there already: with an idempotency key, a repeat adds
   * nothing. It is a repeat too when an earlier send of this very call was carried out and its answer lost.
   *
   * @throws IdempotencyKeyReusedError when the key stands for another event
   */
  async emitOnce(pattern: string, data: unknown): Promise<Published> {
    if (data === undefined || data === null) throw new InvalidMessageException();
    return this.publishEvent({ pattern, data });
  }

  /** Not supported: there is no reply stream. Fails at once with {@link RequestResponseUnsupportedError}. */
  override send<TResult = never>(...[pattern]: [pattern: unknown, data?: unknown]): Observable<TResult> {
    return throwError(() => new RequestResponseUnsupportedError(String(pattern)));
  }

  /** What Nest calls for `send`; always fails. */
  protected override publish(packet: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    callback({ err: new RequestResponseUnsupportedError(String(packet.pattern)) });
    return () => undefined;
  }

  /** What Nest calls for an event; `emit` calls it. */
  protected override dispatchEvent<T>(packet: ReadPacket): Promise<T> {
    return this.publishEvent(packet).then(({ entryId }) => entryId as T);
  }

  private publishEvent(packet: ReadPacket): Promise<Published> {
    try {
      // Nest 11 has no such hook.
      this.onDispatchHook?.(packet);
      return this.publishPacket(packet);
    } catch (error) {
      return Promise.resolve().then(() => {
        throw error;
      });
    }
  }

  private publishPacket({ pattern, data: event, metadata }: ReadPacket<unknown>): Promise<Published> {
    const record = event instanceof RedisStreamsRecord ? (event as RedisStreamsRecord) : undefined;
    const payload = record ? record.data : event;
    const { encoding } = this.options;
    const given: Headers = record || metadata ? { ...metadata, ...record?.headers } : NO_HEADERS;
    const idempotency = this.idempotencyOf(record, given);
    const key = idempotency?.keys[0]?.key;
    // The encoding "fields" has no room for it; the marker next to the stream is all that is needed.
    const isKeyed = key !== undefined && encoding === 'json';
    const headers = isKeyed
      ? { ...given, [IDEMPOTENCY_KEY_HEADER]: given[IDEMPOTENCY_KEY_HEADER] ?? key }
      : given;
    const name: unknown = this.normalizePattern(pattern as string);
    checkPattern(name);
    const stream = this.streamKey(name);
    const extras = { writes: record?.writes.list() ?? [], idempotency };
    const tracer = registeredTracer();
    if (tracer) return this.publishTraced(tracer, { stream, payload, headers }, extras);
    const fields = encodeEntry(payload, headers, encoding);
    return this.connection().publish(stream, { fields, ...extras });
  }

  private publishTraced(
    tracer: NonNullable<ReturnType<typeof registeredTracer>>,
    { stream, payload, headers }: { stream: string; payload: unknown; headers: Headers },
    extras: Omit<Publication, 'fields'>,
  ): Promise<Published> {
    const { encoding } = this.options;
    return traceSend(tracer, {
      ...{ stream, headers, carriesHeaders: encoding === 'json' },
      encode: (complete) => encodeEntry(payload, complete, encoding),
      publish: (fields) => this.connection().publish(stream, { fields, ...extras }),
    });
  }

  private idempotencyOf(record: RedisStreamsRecord | undefined, headers: Headers): Idempotency | undefined {
    const { keys = [], windowMs = this.options.dedupWindowMs } = record?.idempotency ?? {};
    const header = headers[IDEMPOTENCY_KEY_HEADER];
    if (keys.length > 0) return { keys, windowMs };
    return header === undefined
      ? undefined
      : { keys: [{ key: checkIdempotencyKey(header), fingerprint: '' }], windowMs };
  }

  private connection(): EntryPublisher {
    if (!this.publisher) {
      const { connection, emitTimeoutMs, maxPendingEmits, maxPendingBytes, waitReplicas } = this.options;
      this.publisher = new EntryPublisher(
        connection,
        {
          timeoutMs: emitTimeoutMs,
          maxPending: maxPendingEmits,
          maxPendingBytes,
          waitReplicas,
        },
        this.onMisfit,
      );
      checkStandIn('emit', this.onMisfit);
      reportStatus(this.publisher.redis, this._status$);
    }
    return this.publisher;
  }
}
