import { isReserved, PARKING } from '../redis/broker/redis-commands.js';
import { failureOf } from '../redis/redis-failure.js';
import { StreamReads, type CommandSender, type GroupRow, type StreamRow } from '../redis/stream-reads.js';
import { RedisUnavailableError } from '../entry/client-errors.js';
import { EntryLookup, type EntryPlace } from './entry-lookup.js';
import {
  hotConsumers,
  lagByPlace,
  lagByPage,
  LAG_PAGE,
  type GroupState,
  type StreamState,
} from './stream-state.js';

/** How long Redis may take to answer all that an inspection asks, in milliseconds. */
const TIMEOUT_MS = 2_000;

/**
 * Looks at streams, their groups and consumers, and changes nothing. Costs Redis a few commands for each stream and
 * three for each group, none of which takes longer for a longer stream or a longer pending list.
 *
 * Needs the rights `+xlen +xinfo +xpending +time`.
 *
 * @example
 * ```ts
 * const inspector = new StreamInspector(server.unwrap());
 * const [orders] = await inspector.inspect(['orders']);
 * ```
 */
export class StreamInspector {
  private readonly reads: StreamReads;
  private readonly lookup: EntryLookup;

  /**
   * @param redis - an `ioredis` client, or what `unwrap()` of the server or of a client gives
   * @param provesLag - whether the lag is proven by the ends of the stream, and counted where it is below fifty, which
   * needs `+xrange` and reads entries. Without it the lag is what Redis says, which is too much after some losses
   */
  constructor(
    redis: CommandSender,
    private readonly provesLag = false,
  ) {
    this.reads = new StreamReads(redis);
    this.lookup = new EntryLookup(redis);
  }

  /**
   * Looks at streams once.
   *
   * @param streams - keys of streams
   * @returns their states, in the same order
   * @throws RedisUnavailableError when Redis does not answer within two seconds
   */
  async inspect(streams: readonly string[]): Promise<StreamState[]> {
    return answerInTime(
      this.reads.now().then((now) => Promise.all(streams.map((stream) => this.inspectOne(stream, now)))),
    );
  }

  /**
   * Where an entry is, as one group sees it: not read yet, with a consumer, waiting for a retry, settled, or deleted.
   * Costs Redis three or four commands, whatever the length of the stream; an entry that nobody has is read whole.
   *
   * Needs the rights `+xlen +xinfo|groups +xpending +xrange +zscore`, and to read the keys that `helperKeyOf(stream)`
   * begins.
   *
   * @param stream - key of the stream, as `streamKey(pattern)` of the server or of a client gives it
   * @param group - name of the group; one that does not exist has read nothing
   * @param entryId - the whole id of the entry, such as `1700000000000-0`
   * @returns what held at one moment of the call; it may have changed when you read it
   * @throws InvalidOptionError when `entryId` is not a whole id
   * @throws RedisUnavailableError when Redis does not answer within two seconds
   * @throws StreamUnusableError when the key holds something else than a stream
   *
   * @example
   * ```ts
   * const place = await inspector.locate(server.streamKey('orders'), 'order-group', entryId);
   * if (place.state === 'waiting') console.log(place.deliveryCount, place.dueAtMs);
   * if (place.state === 'pending') console.log(place.deliveryCount, place.holder);
   * ```
   */
  async locate(stream: string, group: string, entryId: string): Promise<EntryPlace> {
    return answerInTime(this.lookup.locate(stream, group, entryId));
  }

  /**
   * When the first of the entries that wait for a retry is due, in milliseconds since 1970 by the clock of Redis. In the
   * past: it is taken up at the next look.
   *
   * Needs the right `+zrangebyscore`, and to read the keys that `helperKeyOf(stream)` begins.
   *
   * @param stream - key of the stream, as `streamKey(pattern)` of the server or of a client gives it
   * @param group - name of the group
   * @returns undefined when none waits
   * @throws RedisUnavailableError when Redis does not answer within two seconds
   */
  async nextDueAtMs(stream: string, group: string): Promise<number | undefined> {
    return answerInTime(this.lookup.nextDueAtMs(stream, group));
  }

  private async inspectOne(stream: string, now: number): Promise<StreamState> {
    const [row, deadLetters] = await Promise.all([
      this.reads.stream(stream, this.provesLag),
      this.reads.deadLetters(stream),
    ]);
    const { state, length, groups } = row;
    const found = await Promise.all(groups.map((group) => this.inspectGroup(stream, row, group, now)));
    return {
      ...{ stream, state, length },
      ...(deadLetters !== undefined && { deadLetters }),
      groups: found.filter((group) => group !== undefined),
    };
  }

  private async inspectGroup(
    stream: string,
    row: StreamRow,
    group: GroupRow,
    now: number,
  ): Promise<GroupState | undefined> {
    const [lag, consumers, oldestPendingId] = await Promise.all([
      this.lagOf(stream, row, group),
      this.reads.consumers(stream, group.name),
      this.reads.oldestPending(stream, group.name),
    ]);
    if (consumers === undefined) return undefined;
    const working = consumers.filter(({ name }) => !isReserved(name)).sort((a, b) => b.pending - a.pending);
    const hot = hotConsumers(working);
    return {
      group: group.name,
      lag,
      pending: group.pending,
      waiting: consumers.find(({ name }) => name === PARKING)?.pending ?? 0,
      ...(oldestPendingId !== undefined && {
        oldestPendingId,
        oldestPendingAgeMs: Math.max(0, now - Number.parseInt(oldestPendingId, 10)),
      }),
      lastDeliveredId: group.lastDeliveredId,
      consumers: working.map(({ name, pending, idleMs }) => ({
        consumer: name,
        ...{ pending, idleMs },
        hot: hot.has(name),
      })),
    };
  }

  private async lagOf(stream: string, row: StreamRow, group: GroupRow): Promise<number | 'unknown'> {
    const known = lagByPlace(row, group.lastDeliveredId);
    if (known !== undefined) return known;
    const behind = this.provesLag
      ? await this.reads.countBehind(stream, group.lastDeliveredId, LAG_PAGE)
      : undefined;
    return lagByPage(row, group.lag, behind);
  }
}

/** @throws RedisUnavailableError when there is no answer in time, or no link */
async function answerInTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unavailable()), TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    const failure = failureOf(error);
    throw failure === 'unreachable' || failure === 'cluster-changes' ? unavailable(error) : error;
  } finally {
    clearTimeout(timer);
  }
}

function unavailable(cause?: unknown): RedisUnavailableError {
  return new RedisUnavailableError('Redis did not answer in time', false, { cause });
}
