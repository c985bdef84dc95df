import { encodeEntry } from './encode.js';
import type { Headers } from './entry.js';
import { CommitTooLargeError } from './errors.js';
import { UnencodableEventError } from './client-errors.js';
import { hashTagOf, streamKeyOf, type StreamNaming } from './names.js';
import { type WriteCommand, type WriteValue, WriteCollector } from './writes.js';

/** Most follow-up events of one commit. */
const MAX_EMITS = 100;
/** Most bytes of one commit: keys, values and fields, and {@link ARGUMENT_BYTES} for each of them. */
const MAX_BYTES = 262_144;
/** What an argument costs in addition to its text: many small ones keep Redis busy as well. */
const ARGUMENT_BYTES = 16;

/** An entry that a commit adds to a stream. */
export interface FollowUp {
  readonly stream: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

/**
 * Collects what a handler wants to take effect together with the acknowledgement of its entry: Redis writes, in the
 * order in which they are made, and follow-up events. Either all of it is applied when the handler has finished, or
 * nothing: when the handler fails, when the entry belongs to somebody else by then, or when one of the writes cannot
 * be made (a key of another type, a counter that would overflow, a missing right).
 *
 * Values are text or finite numbers. At most 100 writes of at most 1,000 arguments each, 100 events, and 256 KiB
 * together, each argument counted with 16 bytes more.
 */
export class CommitTransaction extends WriteCollector<string | number> {
  private readonly followUps: FollowUp[] = [];
  private size = 0;

  /**
   * @param stream - key of the stream whose entry is handled
   * @param naming - names the streams that events go to
   * @param complete - adds to an event's headers what it needs to be traced
   * @internal
   */
  constructor(
    private readonly stream: string,
    private readonly naming: StreamNaming,
    private readonly complete = (headers: Headers): Headers => headers,
  ) {
    super();
  }

  /** Adds an event to the stream that the pattern stands for, as the client does: payload as JSON, `retry` 0, headers. */
  emit(pattern: string, payload: unknown, headers: Headers = {}): this {
    this.assertOpen('emit');
    if (payload === undefined || payload === null) {
      throw new UnencodableEventError(`emit to "${pattern}" needs a payload`);
    }
    const stream = streamKeyOf(pattern, this.naming);
    this.assertOneSlot('emit', stream);
    if (this.followUps.length === MAX_EMITS) {
      throw new CommitTooLargeError(`it has more than ${MAX_EMITS} events`);
    }
    const fields = encodeEntry(payload, this.complete(headers), 'json');
    this.grow(stream, fields);
    this.followUps.push({ stream, fields });
    return this;
  }

  /**
   * Lets all of it happen only if the hash has no such field by then, before any of these writes. Otherwise the entry
   * is acknowledged and nothing else is done (event `duplicate`): somebody else was first.
   */
  onlyIfAbsent(key: string, field: string): this {
    return this.add('onlyifabsent', key, [field]);
  }

  /** @internal the events that were collected */
  get emits(): readonly FollowUp[] {
    return this.followUps;
  }

  /** @internal how large it is, in bytes as they are limited */
  get bytes(): number {
    return this.size;
  }

  /**
   * Lets a handler add to it. What it added is taken back when it throws.
   *
   * @throws what `collect` throws; TypeError when it is asynchronous
   * @internal
   */
  collect(collect: (tx: this) => unknown): void {
    const before = [this.writes.length, this.followUps.length, this.size] as const;
    this.open();
    try {
      const result = collect(this);
      if (result instanceof Promise) {
        result.catch(() => undefined);
        throw new TypeError('context.commit takes a function that collects at once, not an async one');
      }
    } catch (error) {
      [this.writes.length, this.followUps.length, this.size] = before;
      throw error;
    } finally {
      this.close('the function that context.commit was given');
    }
  }

  /** @internal */
  protected override unusable(problem: string): Error {
    return new UnencodableEventError(problem);
  }

  /** @internal */
  protected override tooMuch(problem: string): Error {
    return new CommitTooLargeError(problem);
  }

  /** @internal */
  protected override add(command: WriteCommand, key: string, args: readonly WriteValue[]): this {
    super.add(command, key, args);
    try {
      this.assertOneSlot(command, key);
      this.grow(key, args);
    } catch (error) {
      this.writes.pop();
      throw error;
    }
    return this;
  }

  private grow(key: string, args: readonly WriteValue[]): void {
    let more = Buffer.byteLength(key) + ARGUMENT_BYTES;
    for (const arg of args) {
      more += ARGUMENT_BYTES + (typeof arg === 'string' ? Buffer.byteLength(arg) : ARGUMENT_BYTES);
    }
    if (this.size + more > MAX_BYTES) {
      throw new CommitTooLargeError(`it comes to ${this.size + more} bytes, more than ${MAX_BYTES}`);
    }
    this.size += more;
  }

  /** One step touches one node of a Redis Cluster. */
  private assertOneSlot(command: string, key: string): void {
    if (!this.naming.cluster || hashTagOf(key) === hashTagOf(this.stream)) return;
    throw new UnencodableEventError(
      `${command} of "${key}" is not in the hash slot of the stream "${this.stream}"; ` +
        `on a cluster its key needs the hash tag {${hashTagOf(this.stream)}}`,
    );
  }
}
