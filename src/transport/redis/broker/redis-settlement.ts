import type { ErrorStreak } from '../../policy/error-streak.js';
import { NOT_PUT_OFF, type PutOffs } from '../../policy/put-off.js';
import { StreamWrites, type StreamWrite } from '../../entry/writes.js';
import { Questions } from '../batches.js';
import { parkArguments, settlementsOf, writeArguments, commitArguments } from '../lua/settlement-calls.js';
import { flat, pagesOf, PARKING, type RedisCommands } from './redis-commands.js';
import { failureOf, isAboutCommand } from '../redis-failure.js';
import type {
  CommitBatch,
  DeadLettering,
  DeadLetterRequest,
  EntryRef,
  KeptPutOffs,
  Holder,
  Park,
  Settlement,
} from '../settlement.js';
import type { SettlementBroker } from '../port.js';

/** Most entries, and bytes of what is written with them, in one call: Redis serves nobody else while it runs. */
const PARKS = { items: 128, bytes: 262_144 };

/** How much longer than its entry waits a streak is kept, in milliseconds. */
const STREAK_TTL_MS = 86_400_000;

/**
 * How much longer than its entry waits, and then may run, it is remembered that it was put off, in milliseconds: when it
 * is due it may stand in a long line.
 */
const PUT_OFF_TTL_MS = 86_400_000;

/** Ends deliveries: XACK, and the fenced functions of the library. */
export class RedisSettlement implements SettlementBroker {
  private readonly parks = new Map<string, Questions<Park, Settlement>>();

  constructor(private readonly redis: RedisCommands) {}

  acknowledge(stream: string, ids: readonly string[]): Promise<number> {
    return this.redis.commands.xack(stream, this.redis.group, ...ids);
  }

  async commit(stream: string, batch: CommitBatch): Promise<Settlement[]> {
    const receipt = this.redis.key(stream, 'commits', this.redis.consumer, String(batch.lane));
    const { keys, args } = commitArguments(batch, [stream, receipt]);
    const owner = batch.owner ?? this.redis.consumer;
    const answers = await this.redis.functions.call('commit', keys, [this.redis.group, owner, ...args]);
    return settlementsOf(answers as string | string[], batch.commits.length);
  }

  async pendingAs(stream: string, id: string): Promise<Holder | undefined> {
    const rows = await this.redis.commands.xpending(stream, this.redis.group, id, id, 1);
    const [row] = rows as [id: string, owner: string, idleMs: number, deliveryCount: number][];
    // What waits for a retry has failed: its last run has ended.
    return row && row[1] !== PARKING ? { owner: row[1], deliveryCount: row[3] } : undefined;
  }

  async park(
    stream: string,
    entry: EntryRef,
    delayMs: number,
    writes: readonly StreamWrite[],
  ): Promise<Settlement> {
    const settlement = await this.parksOf(stream).ask({ entry, delayMs, writes });
    if (typeof settlement === 'object') throw new Error(settlement.refused);
    return settlement;
  }

  async wasReplayed(stream: string, id: string): Promise<boolean> {
    try {
      return (await this.redis.commands.zscore(this.redis.notes(stream).replayed, id)) !== null;
    } catch (error) {
      if (failureOf(error) === 'wrong-type') return false; // Nothing is noted there, so nothing is believed.
      throw error;
    }
  }

  async deadLetter(stream: string, request: DeadLetterRequest): Promise<DeadLettering> {
    const { entry, owner, leastIdleMs, replays = 0, added, held } = request;
    const { letters, deadLettered } = this.redis.notes(stream);
    const { keys, args } = writeArguments(request.writes, 6);
    const [settlement, deadLetterId] = (await this.redis.functions.call(
      'dead_letter',
      [
        ...[stream, this.redis.deadLetterKey(stream), this.redis.waitingList(stream)],
        ...[this.redis.key(stream, 'receipt', entry.id, String(entry.deliveryCount)), letters, deadLettered],
        ...keys,
      ],
      [
        ...[this.redis.group, owner, entry.id, entry.deliveryCount, leastIdleMs, replays],
        ...[added.length, ...added],
        ...[held.length, ...held],
        ...args,
      ],
    )) as [Settlement, string?];
    return deadLetterId === undefined ? { settlement } : { settlement, deadLetterId };
  }

  async settle(stream: string, { id, deliveryCount }: EntryRef, owner: string): Promise<Settlement> {
    const args = [this.redis.group, id, owner, deliveryCount];
    return (await this.redis.functions.call('settle', [stream], args)) as Settlement;
  }

  async release(stream: string, entries: readonly EntryRef[], delayMs = 0): Promise<number> {
    const keys = [stream, this.redis.waitingList(stream)];
    let released = 0;
    for (const page of pagesOf(entries)) {
      const args = [...this.redis.me(), Math.round(delayMs), ...flat(page)];
      released += (await this.redis.functions.call('release', keys, args)) as number;
    }
    return released;
  }

  async putOff(
    stream: string,
    { id, deliveryCount }: EntryRef,
    delayMs: number,
    { times, forMs, longestRunMs }: KeptPutOffs,
  ): Promise<number> {
    const keys = [stream, this.redis.waitingList(stream), this.redis.key(stream, 'put-off', id)];
    const ttlMs = Math.round(delayMs) + longestRunMs + PUT_OFF_TTL_MS;
    const kept = `${times}:${Math.round(forMs)}`;
    const args = [...this.redis.me(), Math.round(delayMs), id, deliveryCount, kept, ttlMs];
    return (await this.redis.functions.call('put_off', keys, args)) as number;
  }

  async readPutOffs(stream: string, id: string): Promise<PutOffs> {
    const kept = await this.readText(this.redis.key(stream, 'put-off', id));
    const [times = 0, forMs = 0] = (kept ?? '').split(':').map(Number);
    return times > 0 && forMs >= 0 ? { times, forMs } : NOT_PUT_OFF;
  }

  async extend(stream: string, entries: readonly EntryRef[]): Promise<string[]> {
    const lost: string[] = [];
    for (const page of pagesOf(entries)) {
      const args = [...this.redis.me(), ...flat(page)];
      lost.push(...((await this.redis.functions.call('extend', [stream], args)) as string[]));
    }
    return lost;
  }

  async readErrorStreak(stream: string, id: string): Promise<ErrorStreak | undefined> {
    return parseStreak(await this.readText(this.redis.key(stream, 'error', id)));
  }

  /** Of a key that holds something else, nothing: an entry must not wait for somebody who mends that. */
  private async readText(key: string): Promise<string | null> {
    try {
      return await this.redis.commands.get(key);
    } catch (error) {
      if (failureOf(error) === 'wrong-type') return null;
      throw error;
    }
  }

  private parksOf(stream: string): Questions<Park, Settlement> {
    let parks = this.parks.get(stream);
    if (!parks) {
      const send = (batch: readonly Park[]): Promise<Settlement[]> => this.parkAll(stream, batch);
      parks = new Questions({ limits: PARKS, bytesOf: parkBytes, send, isAboutItems: isAboutCommand });
      this.parks.set(stream, parks);
    }
    return parks;
  }

  private async parkAll(stream: string, parks: readonly Park[]): Promise<Settlement[]> {
    const { keys, args } = parkArguments(parks, [stream, this.redis.waitingList(stream)], this.redis.me());
    const answers = await this.redis.functions.call('park', keys, args);
    return settlementsOf(answers as string | string[], parks.length);
  }

  errorStreakWrites(
    stream: string,
    id: string,
    streak: ErrorStreak,
    delayMs: number,
  ): readonly StreamWrite[] {
    const key = this.redis.key(stream, 'error', id);
    return new StreamWrites()
      .set(key, JSON.stringify(streak))
      .pexpire(key, Math.round(delayMs) + STREAK_TTL_MS)
      .list();
  }
}

/** A streak that cannot be read is none: the entry is then given the retries again. */
function parseStreak(kept: string | null): ErrorStreak | undefined {
  try {
    const { errorName, beganAtRetry } = JSON.parse(kept ?? '{}') as Partial<ErrorStreak>;
    return errorName === undefined || beganAtRetry === undefined ? undefined : { errorName, beganAtRetry };
  } catch {
    return undefined;
  }
}

function parkBytes({ writes }: Park): number {
  let bytes = 0;
  for (const { key, args } of writes) {
    bytes += key.length;
    for (const arg of args) bytes += typeof arg === 'string' ? arg.length : 8;
  }
  return bytes;
}
