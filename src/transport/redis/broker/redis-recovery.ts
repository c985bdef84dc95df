import type { StreamEntry } from '../../entry/entry.js';
import { entryOf } from '../entry-replies.js';
import { flat, isReserved, PAGE, PARKING, type RedisCommands } from './redis-commands.js';
import type {
  Claim,
  ConsumerInfo,
  EntryRef,
  FreedPage,
  GroupLimit,
  PendingEntry,
  ReadsSoFar,
  TrimLimits,
  Trimming,
  UnreadSight,
} from '../settlement.js';
import type { RecoveryBroker } from '../port.js';

/** How long the trace of a lone run stays, in milliseconds. Without it the entry runs alone once more. */
const ALONE_TTL_MS = 86_400_000;

type ClaimReply = [claimed: [id: Buffer, parts: Buffer[], count: number][], vanished: Buffer[]];

/** Finds and takes what nobody works on, in pages that Redis gets through quickly. */
export class RedisRecovery implements RecoveryBroker {
  private looks = 0;

  constructor(private readonly redis: RedisCommands) {}

  async claimDue(stream: string, limit: number, maxDelayMs: number): Promise<Claim> {
    const keys = [stream, this.redis.waitingList(stream)];
    const args = [...this.redis.me(), Math.min(limit, PAGE), maxDelayMs];
    return claimOf((await this.redis.functions.callForBytes('claim_due', keys, args)) as ClaimReply);
  }

  async consumers(stream: string): Promise<ConsumerInfo[]> {
    const { commands, group } = this.redis;
    const rows = (await commands.xinfo('CONSUMERS', stream, group)) as (string | number)[][];
    return rows
      .map((row) => {
        const value = (name: string) => row[row.indexOf(name) + 1];
        return {
          name: String(value('name')),
          pending: Number(value('pending')),
          idleMs: Number(value('idle')),
        };
      })
      .filter(({ name }) => !isReserved(name));
  }

  async pendingOf(stream: string, consumer: string, from: string, limit: number): Promise<PendingEntry[]> {
    const { commands, group } = this.redis;
    const rows = (await commands.xpending(stream, group, from, '+', limit, consumer)) as [
      id: string,
      owner: string,
      idleMs: number,
      deliveryCount: number,
    ][];
    return rows.map(([id, , idleMs, deliveryCount]) => ({ id, idleMs, deliveryCount }));
  }

  async readEntry(stream: string, id: string): Promise<StreamEntry | undefined> {
    const [found] = await this.redis.commands.xrangeBuffer(stream, id, id);
    return found && entryOf(found);
  }

  async claimAbandoned(
    stream: string,
    owner: string,
    leastIdleMs: number,
    entries: readonly EntryRef[],
  ): Promise<Claim> {
    const args = [...this.redis.me(), owner, leastIdleMs, ...flat(entries)];
    return claimOf(
      (await this.redis.functions.callForBytes('claim_abandoned', [stream], args)) as ClaimReply,
    );
  }

  async repairWaiting(stream: string, thorough = false): Promise<number> {
    const { commands, functions, group } = this.redis;
    const keys = [stream, this.redis.waitingList(stream)] as const;
    const [waiting, rows] = await Promise.all([
      commands.zcard(keys[1]),
      commands.xpending(stream, group) as Promise<[number, string, string, [string, string][] | null]>,
    ]);
    const parked = Number(rows[3]?.find(([name]) => name === PARKING)?.[1] ?? 0);
    if (waiting === parked && !thorough) return 0;
    let mended = 0;
    for (let from = '-'; from !== '';) {
      const [added, next] = (await functions.call('repair_parked', keys, [group, from, PAGE])) as [
        number,
        string,
      ];
      mended += added;
      from = next;
    }
    for (let offset = 0; ;) {
      const [removed, seen] = (await functions.call('repair_waiting', keys, [group, offset, PAGE])) as [
        number,
        number,
      ];
      mended += removed;
      if (seen < PAGE) return mended;
      offset += seen - removed;
    }
  }

  async freeFuture(stream: string, from: string): Promise<FreedPage> {
    const keys = [stream, this.redis.waitingList(stream)];
    const [freed, aheadMs, next, vanished] = (await this.redis.functions.call('free_future', keys, [
      ...[this.redis.group, from, PAGE],
    ])) as [number, number, string, string[]];
    return { freed, aheadMs, next, vanished };
  }

  async keepFloor(stream: string): Promise<void> {
    const { functions, group } = this.redis;
    await functions.call('keep_floor', [stream, this.redis.key(stream, 'floor')], [group]);
  }

  async forgetNotes(stream: string): Promise<void> {
    const { replayed, letters, deadLettered } = this.redis.notes(stream);
    const keys = [stream, this.redis.deadLetterKey(stream), replayed, deadLettered, letters];
    await this.redis.functions.call('forget_notes', keys, []);
  }

  async announce(
    stream: string,
    limit: GroupLimit,
    ms: number,
    consumers: readonly string[],
  ): Promise<number> {
    const args = [this.redis.consumer, ms, ...consumers];
    return (await this.redis.functions.call('announce', [this.redis.key(stream, limit)], args)) as number;
  }

  async markAlone(stream: string, { id, deliveryCount }: EntryRef): Promise<void> {
    const key = this.redis.key(stream, 'alone', id);
    await this.redis.commands.set(key, String(deliveryCount), 'PX', ALONE_TTL_MS);
  }

  async unmarkAlone(stream: string, { id }: EntryRef): Promise<void> {
    await this.redis.commands.set(this.redis.key(stream, 'alone', id), '', 'PX', 1);
  }

  async ranAlone(stream: string, { id, deliveryCount }: EntryRef): Promise<boolean> {
    return (await this.redis.commands.get(this.redis.key(stream, 'alone', id))) === String(deliveryCount);
  }

  async reapConsumer(stream: string, consumer: string, leastIdleMs: number): Promise<boolean> {
    const keys = [stream, this.redis.key(stream, 'ack-waits'), this.redis.key(stream, 'retry-delays')];
    const args = [this.redis.group, consumer, leastIdleMs];
    return (await this.redis.functions.call('reap_consumer', keys, args)) === 1;
  }

  async trim(stream: string, { maxAgeMs, maxEntries }: TrimLimits): Promise<Trimming> {
    const [removed, staleGroups] = (await this.redis.functions.call(
      'trim',
      [stream, this.redis.key(stream, 'unread')],
      [maxAgeMs, maxEntries, PAGE, this.redis.group],
    )) as [number, string[]];
    return { removed, staleGroups };
  }

  async cap(stream: string, maxEntries: number): Promise<number> {
    const keys = [stream, this.redis.key(stream, 'unread')];
    return (await this.redis.functions.call('cap', keys, [maxEntries])) as number;
  }

  async watchUnread(
    stream: string,
    { received, round, isUnsure, moment }: ReadsSoFar,
    counts: boolean,
  ): Promise<UnreadSight> {
    this.looks += 1;
    const flags = [
      isUnsure ? 'u' : '',
      moment === 'while-reading' ? '' : 's',
      moment === 'after-reading' ? 'f' : '',
      counts ? 'c' : '',
    ].join('');
    const keys = [stream, this.redis.key(stream, 'unread'), this.redis.key(stream, 'floor')];
    const args = [...this.redis.me(), this.looks, received, round, flags];
    return sightOf((await this.redis.functions.call('watch_unread', keys, args)) as string);
  }

  async trimDeadLetters(stream: string, maxAgeMs: number): Promise<number> {
    const [seconds, micros] = await this.redis.commands.time();
    const oldest = Math.floor(Number(seconds) * 1_000 + Number(micros) / 1_000 - maxAgeMs);
    const letters = this.redis.deadLetterKey(stream);
    return this.redis.commands.xtrim(letters, 'MINID', '~', `${Math.max(0, oldest)}-0`);
  }
}

/** As the function answers. */
interface SightReply {
  readonly round: number;
  readonly lost?: number;
  readonly is_least?: boolean;
  readonly reason?: 'removed' | 'skipped';
  readonly total?: number;
  readonly ago?: number;
  readonly beyond?: { readonly from: string; readonly to: string; readonly refused?: string };
}

function sightOf(json: string): UnreadSight {
  const {
    round,
    lost,
    is_least: isLeast = false,
    reason,
    total,
    ago,
    beyond,
  } = JSON.parse(json) as SightReply;
  return {
    round,
    ...(lost !== undefined && reason && { lost: { count: lost, isLeast, reason } }),
    ...(total !== undefined && ago !== undefined && { lostInAll: { count: total, agoMs: ago } }),
    ...(beyond && { beyondEnd: beyond }),
  };
}

function claimOf([claimed, vanished]: ClaimReply): Claim {
  return {
    entries: claimed.map(([id, parts, deliveryCount]) => ({ entry: entryOf([id, parts]), deliveryCount })),
    vanished: vanished.map(String),
  };
}
