import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { RedisConnectionOptions } from './connection-options.js';
import { refreshSlots } from './cluster-nodes.js';
import { closeConnection, openConnection } from './connection.js';
import { FunctionLibrary } from './functions/function-library.js';
import { writeArguments } from './functions/write-arguments.js';
import { watchSilence } from './link-watch.js';
import { failureOf } from './redis-failure.js';
import { ReplicatedWrites, type WaitReplicas } from './replicated-writes.js';
import { Signal } from './signal.js';
import { MissingPermissionError } from '../protocol/errors/missing-permission.error.js';
import { OrderStreamsError } from '../protocol/errors/order-streams.error.js';
import { RedisUnavailableError } from '../protocol/errors/redis-unavailable.error.js';
import type { StreamWrite } from '../protocol/stream-writes.js';

/** How long and how much a publisher waits. */
export interface PublisherLimits {
  /** Milliseconds until an unanswered write is given up. */
  readonly timeoutMs: number;
  /** How many writes may be under way at once. */
  readonly maxPending: number;
  /** The replicas that must have a write before it counts, if any. */
  readonly waitReplicas?: WaitReplicas | undefined;
}

/** How long an entry waits that a cluster refused for now, in milliseconds. */
const REDIRECTED_DELAY_MS = 50;

/** Adds entries to streams. */
export class EntryPublisher {
  readonly redis: Redis;
  private readonly endWatch: () => void;
  private readonly functions: FunctionLibrary;
  private readonly replicated: ReplicatedWrites | undefined;
  private readonly settled = new Signal();
  private pending = 0;
  private comingUp: Promise<void> | undefined;
  /** What last went wrong with the link: a wrong password looks like a Redis that is away. */
  private linkError: Error | undefined;

  constructor(
    connection: RedisConnectionOptions,
    private readonly limits: PublisherLimits,
  ) {
    this.redis = openConnection(connection, 'publisher', 'order-streams');
    for (const event of ['error', 'node error']) {
      this.redis.on(event, (error: Error) => {
        this.linkError = error;
      });
    }
    this.endWatch = watchSilence(this.redis);
    if (limits.waitReplicas) this.replicated = new ReplicatedWrites(this.redis, limits.waitReplicas);
    this.functions = new FunctionLibrary(this.redis, this.replicated?.call);
  }

  /**
   * Adds an entry, and applies the writes in the same step.
   *
   * @returns the entry's id, once Redis has it
   * @throws RedisUnavailableError when Redis does not answer in time; NotReplicatedError when its replicas do not
   */
  async publish(stream: string, fields: readonly string[], writes: readonly StreamWrite[]): Promise<string> {
    if (this.pending >= this.limits.maxPending) {
      throw new RedisUnavailableError(
        `${this.pending} events are already waiting for Redis; this one was not sent`,
        false,
      );
    }
    this.pending += 1;
    const state = { sent: false, over: false };
    try {
      return await this.inTime(state, async () => {
        if (this.redis.status !== 'ready') await this.linkUp();
        // The caller was told that it was not sent: so it must not be.
        if (state.over) return '';
        state.sent = true;
        return this.addWhereItBelongs(state, () => this.add(stream, fields, writes));
      });
    } catch (error) {
      throw explained(error, stream);
    } finally {
      state.over = true;
      this.pending -= 1;
      this.settled.tell();
    }
  }

  /**
   * Waits until the link is up.
   *
   * @throws RedisUnavailableError when that takes longer than the timeout
   */
  async whenReady(): Promise<void> {
    if (this.redis.status !== 'ready') await this.inTime({ sent: false }, () => this.linkUp());
  }

  /** Waits for what is under way, for as long as that may take, then ends the connection. */
  async close(): Promise<void> {
    while (this.pending > 0) await this.settled.next();
    await closeConnection(this.redis);
    this.endWatch();
  }

  /** Repeats what a cluster refused because the slot is on the move. ioredis does so for what it sends alone. */
  private async addWhereItBelongs(state: { over: boolean }, add: () => Promise<string>): Promise<string> {
    for (;;) {
      try {
        return await add();
      } catch (error) {
        if (failureOf(error) !== 'cluster-changes' || state.over) throw error;
      }
      refreshSlots(this.redis);
      await delay(REDIRECTED_DELAY_MS);
    }
  }

  private async add(
    stream: string,
    fields: readonly string[],
    writes: readonly StreamWrite[],
  ): Promise<string> {
    if (writes.length === 0) {
      const append = this.replicated?.append(stream, fields) ?? this.redis.xadd(stream, '*', ...fields);
      return ((await append) as string | null) ?? '';
    }
    const { keys, args } = writeArguments(writes, 1);
    return (await this.functions.call(
      'enqueue',
      [stream, ...keys],
      [fields.length, ...fields, ...args],
    )) as string;
  }

  /** One wait for all who wait: ioredis warns of many listeners. */
  private linkUp(): Promise<void> {
    this.comingUp ??= new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.redis.off('ready', settle).off('end', settle);
        this.comingUp = undefined;
        if (this.redis.status === 'ready') resolve();
        else reject(new RedisUnavailableError('The connection to Redis is closed', false));
      };
      this.redis.once('ready', settle).once('end', settle);
      if (this.redis.status === 'end') settle();
    });
    return this.comingUp;
  }

  private async inTime<T>(state: { readonly sent: boolean }, work: () => Promise<T>): Promise<T> {
    const { timeoutMs } = this.limits;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const message = state.sent ? 'Redis did not confirm the entry' : 'Redis could not be reached';
        reject(
          new RedisUnavailableError(`${message} within ${timeoutMs} ms`, state.sent, {
            cause: this.linkError,
          }),
        );
      }, timeoutMs);
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function explained(error: unknown, stream: string): unknown {
  if (error instanceof OrderStreamsError) return error;
  switch (failureOf(error)) {
    case 'unreachable':
      return new RedisUnavailableError(`The link to Redis broke while writing to "${stream}"`, true, {
        cause: error,
      });
    case 'cluster-changes':
    case 'refuses-writes':
      return new RedisUnavailableError(
        `Redis refuses writes to "${stream}" (${(error as Error).message})`,
        false,
        {
          cause: error,
        },
      );
    case 'no-permission':
      return new MissingPermissionError(
        `This Redis user may not write to "${stream}" (${(error as Error).message})`,
        {
          cause: error,
        },
      );
    default:
      return error;
  }
}
