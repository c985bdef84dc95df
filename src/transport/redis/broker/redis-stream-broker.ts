import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { MissingPermissionError } from '../../entry/client-errors.js';
import type { RedisConnectionOptions } from '../links/connection-options.js';
import { closeConnection, openConnection } from '../links/connection.js';
import { watchSilence } from '../links/link-watch.js';
import { RedisMarkers } from './redis-markers.js';
import { RedisStreamReader } from './redis-stream-reader.js';
import type { GroupStart, Obstacle, RedisSettings } from '../settlement.js';
import type { StreamBroker, StreamReader } from '../port.js';

/** Who consumes, from where, and how long a read waits. */
export interface BrokerOptions {
  readonly connection: RedisConnectionOptions;
  readonly group: string;
  readonly consumer: string;
  /** Milliseconds that a read waits for entries. */
  readonly blockMs: number;
}

/** How long the trace of a write probe stays, in milliseconds. */
const PROBE_TTL_MS = 60_000;

/** How long a Redis may take to say that it is loading, in milliseconds. */
const LOADING_ANSWER_MS = 500;
/** The link is cut and made anew while Redis loads; what it said holds for so many milliseconds. */
const LOADING_HOLDS_MS = 4_000;

/** No entry follows it. One more would begin again at 0: Redis adds one to where a read begins. */
const BEHIND_ALL = '18446744073709551615-18446744073709551614';

/** A {@link StreamBroker} on ioredis: one connection for commands, and one more per reader. */
export class RedisStreamBroker extends RedisMarkers implements StreamBroker {
  private readonly endWatch: () => void;
  private linkError: Error | undefined;
  private loadingSeenAt = -Infinity;

  constructor(
    private readonly options: BrokerOptions,
    commands: Redis = openConnection(options.connection, 'commands', options.consumer),
  ) {
    super(commands, options.group, options.consumer);
    this.endWatch = watchSilence(commands);
    const remember = (error: Error): void => {
      this.linkError = error;
    };
    commands.on('error', remember).on('node error', remember);
  }

  async ensureGroup(stream: string): Promise<GroupStart> {
    const { replayed, deadLettered } = this.notes(stream);
    const keys = [stream, this.key(stream, 'floor'), replayed, deadLettered, this.key(stream, 'unread')];
    const [start, wasLost] = (await this.functions.call('ensure_group', keys, this.me())) as [string, number];
    // Redis 7.0 knows a consumer only once it was served. Its history behind every possible id is enough: what it reads
    // there, Redis would count as a delivery.
    await this.commands.xreadgroup(
      ...(['GROUP', this.group, this.consumer, 'COUNT', 1, 'STREAMS', stream, BEHIND_ALL] as const),
    );
    return { ...(start !== 'exists' && { madeAt: start }), wasLost: wasLost === 1 };
  }

  async prepare(stream: string, withWrites = false): Promise<void> {
    const own = [stream, this.key(stream, 'retry'), this.deadLetterKey(stream), this.key(stream, 'rights')];
    const keys = [...own, ...Object.values(this.notes(stream))];
    const missing = (await this.functions.call('check_rights', keys, [
      this.group,
      withWrites ? 1 : 0,
    ])) as string[];
    if (missing.length > 0) {
      throw new MissingPermissionError(
        `This Redis user may not use ${missing.join(', ')} on "${stream}" and the keys beside it. Grant these rights.`,
      );
    }
  }

  openReader(stream: string): StreamReader {
    const { connection, blockMs } = this.options;
    const redis = openConnection(connection, 'reader', this.consumer);
    return new RedisStreamReader(redis, { stream, group: this.group, consumer: this.consumer }, blockMs);
  }

  async probe(stream: string): Promise<Obstacle | undefined> {
    const keys = [stream, this.key(stream, 'probe')];
    const answer = (await this.functions.call('probe', keys, [this.group, PROBE_TTL_MS])) as
      Obstacle | 'ready';
    return answer === 'ready' ? undefined : answer;
  }

  /** Why there is no link, if that is known: a certificate that is not trusted looks like a Redis that is away. */
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
