import { randomUUID } from 'node:crypto';
import { checkConnection } from '../redis/links/check-connection.js';
import { isCluster, type RedisConnectionOptions } from '../redis/links/connection-options.js';
import {
  RedisDeadLetters,
  type AuditFields,
  type RawEntry,
  type RawLetter,
  type ReplayRequest,
  type TakingOut,
} from '../redis/broker/redis-dead-letters.js';
import { failureOf } from '../redis/redis-failure.js';
import { rawPayload, readDeadLetter, type DeadLetter } from '../entry/dead-letter.js';
import { checkPattern, checkStreamNames, streamKeyOf } from '../entry/names.js';
import { checkKnownOptions } from '../entry/known-options.js';
import { ENTRY_ID, StreamWrites, type StreamWrite } from '../entry/writes.js';
import { auditEntryOf, type AuditEntry } from './audit-entry.js';
import { idRange, isMeant, type DeadLetterFilter } from './dead-letter-filter.js';
import type { ReplayHook } from './replay-job.js';

/** Most dead letters that are read at once. */
const PAGE = 100;
/** Most dead letters that one request looks at, however few it finds; the cursor goes on from there. */
const MOST_LOOKED_AT = 2_000;
/** Most bytes of dead letters that one request looks at in Redis, which serves nobody else meanwhile. */
const MOST_BYTES_LOOKED_AT = 268_435_456;
/** Most bytes of dead letters that one request gives. */
const MOST_BYTES = 8_000_000;
/** Most dead letters that are counted, and most bytes of them that are looked at for that. */
const MOST_COUNTED = 100_000;
const MOST_BYTES_COUNTED = 1_073_741_824;

/** Where the dead letters are. */
export interface DeadLettersOptions {
  /** Where Redis is. */
  connection: RedisConnectionOptions;
  /** The pattern whose failed entries these are, not that of the dead-letter stream. */
  pattern: string;
  /**
   * Stream keys by pattern, as the server has them.
   *
   * @defaultValue none listed
   */
  streams?: Record<string, string>;
}

const KNOWN: Record<keyof DeadLettersOptions, true> = { connection: true, pattern: true, streams: true };

/** Who does something, and why: for the audit stream. */
export interface Operator {
  /** A name; nothing checks it. */
  readonly by: string;
  /** Free text; nothing is kept where it is absent. */
  readonly reason?: string | undefined;
}

/** How a replay or discard ended. Of those that came too late, `entryId` is what the earlier replay made. */
export interface TakenOut {
  /**
   * `done`: by this call, also when an earlier send of it did it. `replayed` or `discarded`: somebody else was first.
   * `missing`: there is no such dead letter. `foreign`: this library did not write it, and the stream was not named.
   * `unreadable`: it does not say which entry it was. `too-large`: it is larger than one step may move.
   */
  readonly outcome: 'done' | 'replayed' | 'discarded' | 'missing' | 'foreign' | 'unreadable' | 'too-large';
  /** The entry that a replay made; absent after a discard, and where nothing was found. */
  readonly entryId?: string;
}

/** One page, and where the next one begins; undefined at the end. */
export interface Page<T> {
  /** In the order of the request; may be fewer than its limit. */
  readonly items: readonly T[];
  /** What to give as `cursor` for the next page; absent at the end. */
  readonly nextCursor?: string;
}

/** How many dead letters a filter means, and the first few of them. */
export interface DeadLetterCount {
  /** How many dead letters the filter means, foreign ones included. */
  readonly count: number;
  /** False when there are more of them than are counted, which is 100,000 or 1 GiB looked at. */
  readonly complete: boolean;
  /** How many of them are foreign, which a job skips. */
  readonly foreign: number;
  /** The oldest of them, at most as many as were asked for. */
  readonly sample: readonly DeadLetter[];
}

/**
 * Inspects, replays and discards the dead letters of one stream. It has a connection of its own: `close` it.
 *
 * @example
 * ```ts
 * const deadLetters = new DeadLetters({ connection: { url: 'redis://localhost:6379' }, pattern: 'orders' });
 * const { items } = await deadLetters.list({ reason: 'retries-exhausted' }, 20);
 * for (const { id } of items) await deadLetters.replay(id, { by: 'anna', reason: 'the payment service is back' });
 * await deadLetters.close();
 * ```
 */
export class DeadLetters {
  /** The key of the stream whose entries failed, not that of the dead-letter stream. */
  readonly stream: string;
  /** @internal the part that talks to Redis */
  readonly store: RedisDeadLetters;
  private hook: ReplayHook | undefined;

  /**
   * @throws InvalidOptionError when an option cannot work, or there is no such option
   * @throws UnsupportedPatternError when the pattern can name no stream
   */
  constructor(options: DeadLettersOptions) {
    checkKnownOptions(options, KNOWN);
    const { connection, pattern, streams = {} } = options;
    checkConnection(connection);
    checkPattern(pattern);
    checkStreamNames(streams);
    this.stream = streamKeyOf(pattern, { streams, cluster: isCluster(connection) });
    this.store = new RedisDeadLetters(connection, this.stream);
  }

  /** Adds writes of the application to every replay. */
  setReplayHook(hook: ReplayHook): void {
    this.hook = hook;
  }

  /**
   * Dead letters, the newest first. A page may hold fewer than `limit`, or none, and still not be the last: one call looks
   * at 2,000 or 256 MiB at most. Of one that is larger than 512 KiB the beginning is read, see `truncation`; it has no
   * payload then, so a filter of the payload does not mean it.
   *
   * @param cursor - the `nextCursor` of the page before
   * @throws RedisUnavailableError when Redis does not answer in time
   */
  async list(filter: DeadLetterFilter, limit: number, cursor?: string): Promise<Page<DeadLetter>> {
    const { lowest, highest } = idRange(filter);
    const items: DeadLetter[] = [];
    let from = cursor === undefined ? highest : `(${cursor}`;
    for (let looked = 0, lookedBytes = 0, bytes = 0; ;) {
      const entries = await this.store.readDown(from, lowest, PAGE);
      if (entries.length === 0) return { items };
      for (const entry of entries) {
        const letter = letterOf(entry);
        from = `(${entry.id}`;
        lookedBytes += entry.bytes;
        if (!isMeant(filter, letter)) continue;
        items.push(letter);
        bytes += sizeOf(entry);
        if (items.length === limit || bytes > MOST_BYTES) return { items, nextCursor: entry.id };
      }
      looked += entries.length;
      if (looked >= MOST_LOOKED_AT || lookedBytes >= MOST_BYTES_LOOKED_AT) break;
    }
    return { items, nextCursor: from.slice(1) };
  }

  /** One dead letter; undefined when there is none with this id. Of one that is larger than 512 KiB the beginning is read. */
  async find(id: string): Promise<DeadLetter | undefined> {
    const [entry] = await this.store.readUp(id, id, 1);
    return entry && letterOf(entry);
  }

  /**
   * Counts what a filter means, the oldest first.
   *
   * @param sampleSize - how many of them to give
   */
  async count(filter: DeadLetterFilter, sampleSize = 0): Promise<DeadLetterCount> {
    const { lowest, highest } = idRange(filter);
    const sample: DeadLetter[] = [];
    let count = 0;
    let foreignCount = 0;
    let from = lowest;
    for (let looked = 0, bytes = 0; looked < MOST_COUNTED && bytes < MOST_BYTES_COUNTED;) {
      const entries = await this.store.readUp(from, highest, PAGE);
      if (entries.length === 0) return { count, complete: true, foreign: foreignCount, sample };
      for (const entry of entries) {
        const letter = letterOf(entry);
        from = `(${entry.id}`;
        bytes += entry.bytes;
        if (!isMeant(filter, letter)) continue;
        count += 1;
        if (letter.foreign) foreignCount += 1;
        if (sample.length < sampleSize) sample.push(letter);
      }
      looked += entries.length;
    }
    return { count, complete: false, foreign: foreignCount, sample };
  }

  /**
   * Moves a dead letter back to its stream, in one step and once, whoever else tries: a new entry with the fields of the
   * original, `retry` 0, and one more in `dlt-replays`. Groups other than the one it failed in do not run it. One that is
   * foreign goes back only where its stream is said, to every group, and as one that was never replayed before.
   *
   * @param data - JSON that replaces the payload
   * @param stream - the key of the stream that it is to go to, which must be this one; needed for what is foreign
   * @throws RedisUnavailableError when Redis does not answer in time; the replay may have happened all the same, and a
   * second attempt then ends as `replayed`
   */
  async replay(id: string, { by, reason }: Operator, data?: string, stream?: string): Promise<TakenOut> {
    if (stream !== undefined && stream !== this.stream) return { outcome: 'foreign' };
    const letter = await this.find(id);
    const audit: AuditFields = {
      action: data === undefined ? 'replay' : 'edit-and-replay',
      by,
      ...(reason !== undefined && { reason }),
      ...(letter?.foreign && { foreign: 'true' }),
      ...(data !== undefined && letter && { ...payloadBefore(letter), payloadAfter: data }),
    };
    const [outcome, entryId] = await this.moveBack(id, letter, {
      ...{ token: randomUUID(), data, audit },
      streamSaid: stream !== undefined,
    });
    return takenOut(outcome as TakenOut['outcome'], entryId);
  }

  /** @internal a replay that belongs to a job */
  async replayInJob(letter: DeadLetter, job: string, by: string): Promise<TakingOut> {
    const audit = { action: 'replay', by, job };
    const [outcome] = await this.moveBack(letter.id, letter, { token: job, job, audit });
    return outcome;
  }

  /** Deletes a dead letter for good. */
  async discard(id: string, { by, reason = '' }: Operator): Promise<TakenOut> {
    const audit = { action: 'discard', by, reason };
    const [outcome, entryId] = await this.store.discard(id, randomUUID(), audit);
    return takenOut(outcome as TakenOut['outcome'], entryId);
  }

  /** What was done with dead letters and by whom, the newest first. A page of long payloads may hold fewer than `limit`. */
  async audit(limit: number, cursor?: string): Promise<Page<AuditEntry>> {
    const items: AuditEntry[] = [];
    let from = cursor === undefined ? '+' : `(${cursor}`;
    for (let bytes = 0; items.length < limit && bytes < MOST_BYTES;) {
      const entries = await this.store.readAudit(from, limit - items.length);
      if (entries.length === 0) return { items };
      items.push(...entries.map(auditEntryOf));
      bytes += entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
      from = `(${entries.at(-1)?.id}`;
    }
    return { items, nextCursor: from.slice(1) };
  }

  /** Disconnects. */
  close(): Promise<void> {
    return this.store.close();
  }

  private async moveBack(
    id: string,
    letter: DeadLetter | undefined,
    request: Pick<ReplayRequest, 'token' | 'job' | 'data' | 'streamSaid' | 'audit'>,
  ): Promise<readonly [TakingOut, entryId?: string]> {
    const writes = letter ? await this.writesFor(letter, request.data) : [];
    try {
      return await this.store.replay({ ...request, id, writes });
    } catch (error) {
      // A key of the application that holds another type must not keep a dead letter from going back.
      if (failureOf(error) !== 'unusable-writes') throw error;
      return this.store.replay({ ...request, id, writes: [] });
    }
  }

  private async writesFor(letter: DeadLetter, data: string | undefined): Promise<readonly StreamWrite[]> {
    const writes = new StreamWrites();
    const payload: unknown = data === undefined ? letter.decoded?.payload : JSON.parse(data);
    await this.hook?.(letter, payload, writes, ENTRY_ID);
    writes.close('the replay hook');
    return writes.list();
  }
}

function takenOut(outcome: TakenOut['outcome'], entryId = ''): TakenOut {
  return entryId === '' ? { outcome } : { outcome, entryId };
}

/** The payload that failed, for the audit; the beginning of one that was cut, with its full length. */
function payloadBefore(letter: DeadLetter): AuditFields {
  const raw = rawPayload(letter);
  const bytes = raw && letter.truncation?.fullLengths.get(raw);
  return {
    payloadBefore: raw ?? JSON.stringify(letter.decoded?.payload ?? null),
    ...(bytes !== undefined && { payloadBeforeBytes: String(bytes) }),
  };
}

function letterOf({ id, fields, foreign, truncation }: RawLetter): DeadLetter {
  return readDeadLetter(id, fields, foreign, truncation);
}

/** What was read of it, in bytes. */
function sizeOf({ fields }: RawEntry): number {
  return fields.reduce((sum, part) => sum + part.length, 0);
}
