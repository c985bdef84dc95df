import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { MissingPermissionError } from '../../entry/client-errors.js';
import type { OnMisfit } from '../fast/paths.js';
import type { RedisConnectionOptions } from '../links/connection-options.js';
import { closeConnection, openConnection } from '../links/connection.js';
import { watchSilence } from '../links/link-watch.js';
import { RedisCommands } from './redis-commands.js';
import { RedisMarkers } from './redis-markers.js';
import { RedisRecovery } from './redis-recovery.js';
import { RedisSettlement } from './redis-settlement.js';
import { RedisStreamReader } from './redis-stream-reader.js';
import type { GroupStart, Obstacle, RedisSettings } from '../settlement.js';
import type { MarkerBroker, RecoveryBroker, SettlementBroker, StreamBroker, StreamReader } from '../port.js';

/** Who consumes, from where, and how long a read waits. */
export interface BrokerOptions {
  readonly connection: RedisConnectionOptions;
  readonly group: string;
  readonly consumer: string;
  /** Milliseconds that a read waits for entries. */
  readonly blockMs: number;
  /** Hears why entries are not read the fast way. */
  readonly onMisfit?: OnMisfit;
}

/** How long the trace of a write probe stays, in milliseconds. */
const PROBE_TTL_MS = 60_000;

/** How long a Redis may take to say that it is loading, in milliseconds. */
const LOADING_ANSWER_MS = 500;
/** The link is cut and made again while Redis loads; what it said holds for this number of milliseconds. */
const LOADING_HOLDS_MS = 4_000;

/** No entry follows it. One more would begin again at 0: Redis adds one to where a read begins. */
const BEHIND_ALL = '18446744073709551615-18446744073709551614';

/** A {@link StreamBroker} on ioredis: one connection for commands, and one more per reader. */
export class RedisStreamBroker implements StreamBroker {
  readonly acknowledge: StreamBroker['acknowledge'] = (...args) => this.settlement.acknowledge(...args);
  readonly commit: StreamBroker['commit'] = (...args) => this.settlement.commit(...args);
  readonly pendingAs: StreamBroker['pendingAs'] = (...args) => this.settlement.pendingAs(...args);
  readonly park: StreamBroker['park'] = (...args) => this.settlement.park(...args);
  readonly wasReplayed: StreamBroker['wasReplayed'] = (...args) => this.settlement.wasReplayed(...args);
  readonly deadLetter: StreamBroker['deadLetter'] = (...args) => this.settlement.deadLetter(...args);
  readonly settle: StreamBroker['settle'] = (...args) => this.settlement.settle(...args);
  readonly release: StreamBroker['release'] = (...args) => this.settlement.release(...args);
  readonly putOff: StreamBroker['putOff'] = (...args) => this.settlement.putOff(...args);
  readonly readPutOffs: StreamBroker['readPutOffs'] = (...args) => this.settlement.readPutOffs(...args);
  readonly readErrorStreak: StreamBroker['readErrorStreak'] = (...args) =>
    this.settlement.readErrorStreak(...args);
  readonly errorStreakWrites: StreamBroker['errorStreakWrites'] = (...args) =>
    this.settlement.errorStreakWrites(...args);
  readonly extend: StreamBroker['extend'] = (...args) => this.settlement.extend(...args);

  readonly claimDue: StreamBroker['claimDue'] = (...args) => this.recovery.claimDue(...args);
  readonly consumers: StreamBroker['consumers'] = (...args) => this.recovery.consumers(...args);
  readonly pendingOf: StreamBroker['pendingOf'] = (...args) => this.recovery.pendingOf(...args);
  readonly readEntry: StreamBroker['readEntry'] = (...args) => this.recovery.readEntry(...args);
  readonly claimAbandoned: StreamBroker['claimAbandoned'] = (...args) =>
    this.recovery.claimAbandoned(...args);
  readonly repairWaiting: StreamBroker['repairWaiting'] = (...args) => this.recovery.repairWaiting(...args);
  readonly freeFuture: StreamBroker['freeFuture'] = (...args) => this.recovery.freeFuture(...args);
  readonly keepFloor: StreamBroker['keepFloor'] = (...args) => this.recovery.keepFloor(...args);
  readonly forgetNotes: StreamBroker['forgetNotes'] = (...args) => this.recovery.forgetNotes(...args);
  readonly announce: StreamBroker['announce'] = (...args) => this.recovery.announce(...args);
  readonly markAlone: StreamBroker['markAlone'] = (...args) => this.recovery.markAlone(...args);
  readonly unmarkAlone: StreamBroker['unmarkAlone'] = (...args) => this.recovery.unmarkAlone(...args);
  readonly ranAlone: StreamBroker['ranAlone'] = (...args) => this.recovery.ranAlone(...args);
  readonly reapConsumer: StreamBroker['reapConsumer'] = (...args) => this.recovery.reapConsumer(...args);
  readonly watchUnread: StreamBroker['watchUnread'] = (...args) => this.recovery.watchUnread(...args);
  readonly trim: StreamBroker['trim'] = (...args) => this.recovery.trim(...args);
  readonly cap: StreamBroker['cap'] = (...args) => this.recovery.cap(...args);
  readonly trimDeadLetters: StreamBroker['trimDeadLetters'] = (...args) =>
    this.recovery.trimDeadLetters(...args);

  readonly begin: StreamBroker['begin'] = (...args) => this.markers.begin(...args);

  private readonly redis: RedisCommands;
  private readonly settlement: SettlementBroker;
  private readonly recovery: RecoveryBroker;
  private readonly markers: MarkerBroker;
  private readonly endWatch: () => void;
  private linkError: Error | undefined;
  private loadingSeenAt = -Infinity;

  constructor(
    private readonly options: BrokerOptions,
    /** The connection for commands, for observers and for `unwrap`. */
    readonly commands: Redis = openConnection(options.connection, 'commands', options.consumer),
  ) {
    this.redis = new RedisCommands(commands, options.group, options.consumer);
    this.settlement = new RedisSettlement(this.redis);
    this.recovery = new RedisRecovery(this.redis);
    this.markers = new RedisMarkers(this.redis);
    this.endWatch = watchSilence(commands);
    const remember = (error: Error): void => {
      this.linkError = error;
    };
    commands.on('error', remember).on('node error', remember);
  }

  async ensureGroup(stream: string): Promise<GroupStart> {
    const { redis } = this;
    const { group, consumer } = redis;
    const { replayed, deadLettered } = redis.notes(stream);
    const keys = [stream, redis.key(stream, 'floor'), replayed, deadLettered, redis.key(stream, 'unread')];
    const [start, wasLost] = (await redis.functions.call('ensure_group', keys, redis.me())) as [
      string,
      number,
    ];
    // Redis 7.0 knows a consumer only once it was served. Its history behind every possible id is enough: what it reads
    // there, Redis would count as a delivery.
    await this.commands.xreadgroup(
      ...(['GROUP', group, consumer, 'COUNT', 1, 'STREAMS', stream, BEHIND_ALL] as const),
    );
    return { ...(start !== 'exists' && { madeAt: start }), wasLost: wasLost === 1 };
  }

  async prepare(stream: string, withWrites = false): Promise<void> {
    const { redis } = this;
    const own = [stream, redis.waitingList(stream), redis.deadLetterKey(stream), redis.key(stream, 'rights')];
    const keys = [...own, ...Object.values(redis.notes(stream))];
    const args = [redis.group, withWrites ? 1 : 0];
    const missing = (await redis.functions.call('check_rights', keys, args)) as string[];
    if (missing.length > 0) {
      throw new MissingPermissionError(
        `This Redis user may not use ${missing.join(', ')} on "${stream}" and its helper keys. Grant these rights.`,
      );
    }
  }

  openReader(stream: string): StreamReader {
    const { connection, group, consumer, blockMs, onMisfit } = this.options;
    const redis = openConnection(connection, 'reader', consumer);
    return new RedisStreamReader(redis, { stream, group, consumer }, blockMs, onMisfit);
  }

  async probe(stream: string): Promise<Obstacle | undefined> {
    const keys = [stream, this.redis.key(stream, 'probe')];
    const answer = (await this.redis.functions.call('probe', keys, [this.redis.group, PROBE_TTL_MS])) as
      Obstacle | 'ready';
    return answer === 'ready' ? undefined : answer;
  }

  /** Why there is no link, if that is known: a certificate that is not trusted looks like a Redis that is unavailable. */
  get trouble(): string | undefined {
    return this.isConnected() ? undefined : this.linkError?.message;
  }

  async settings(): Promise<RedisSettings> {
    const info = (await this.commands.info('persistence')) + (await this.commands.info('memory'));
    const [, append] = /^aof_enabled:([01])/m.exec(info) ?? [];
    const [, evictionPolicy] = /^maxmemory_policy:([\w-]+)/m.exec(info) ?? [];
    return {
      ...(append !== undefined && { appendOnly: append === '1' }),
      ...(evictionPolicy !== undefined && { evictionPolicy }),
    };
  }

  isConnected(): boolean {
    return this.commands.status === 'ready';
  }

  async absence(): Promise<'unreachable' | 'loading'> {
    if (this.commands.status === 'connect' && (await this.saysLoading())) {
      this.loadingSeenAt = performance.now();
    }
    return performance.now() - this.loadingSeenAt < LOADING_HOLDS_MS ? 'loading' : 'unreachable';
  }

  /** While it loads, Redis answers INFO and little else. */
  private async saysLoading(): Promise<boolean> {
    const limit = new AbortController();
    try {
      return await Promise.race([
        this.commands.info('persistence').then((info) => info.includes('loading:1')),
        delay(LOADING_ANSWER_MS, false, { signal: limit.signal }),
      ]);
    } catch {
      return false;
    } finally {
      limit.abort();
    }
  }

  async close(): Promise<void> {
    await closeConnection(this.commands);
    this.endWatch();
  }
}
