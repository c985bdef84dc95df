import type { Command, Redis } from 'ioredis';
import type { RedisConnectionOptions } from './connection-options.js';
import { repeatWhileSlotsMove } from './cluster-nodes.js';
import { CommandBatches } from './command-batches.js';
import { closeConnection, openConnection } from './connection.js';
import { FunctionLibrary } from './functions/function-library.js';
import { writeArguments } from './functions/write-arguments.js';
import { watchSilence } from './link-watch.js';
import { failureOf } from './redis-failure.js';
import { ReplicatedWrites, type WaitReplicas } from './replicated-writes.js';
import { Signal } from './signal.js';
import { TimeLimit, type Running } from './time-limit.js';
import { FunctionsMissingError } from '../protocol/errors/functions-missing.error.js';
import { MissingPermissionError } from '../protocol/errors/missing-permission.error.js';
import { IdempotencyKeyReusedError } from '../protocol/errors/idempotency-key-reused.error.js';
import { OrderStreamsError } from '../protocol/errors/order-streams.error.js';
import { RedisUnavailableError } from '../protocol/errors/redis-unavailable.error.js';
import { dedupMarkerOf, type Idempotency } from '../protocol/idempotency.js';
import type { StreamWrite } from '../protocol/stream-write.js';

/** How long and how much a publisher waits. */
export interface PublisherLimits {
  /** Milliseconds until an unanswered write is given up. */
  readonly timeoutMs: number;
  /** How many writes may be under way at once. */
  readonly maxPending: number;
  /** The replicas that must have a write before it counts, if any. */
  readonly waitReplicas?: WaitReplicas | undefined;
}

/** What becomes an entry, and what goes with it. */
export interface Publication {
  /** Names and values in turn. */
  readonly fields: readonly string[];
  /** Applied in the same step. */
  readonly writes: readonly StreamWrite[];
  /** By what a repeat is known. */
  readonly idempotency?: Idempotency | undefined;
}

/** An entry that Redis has. */
export interface Published {
  readonly entryId: string;
  /** Whether it was there before, so that nothing was added: also when the earlier send was our own. */
  readonly isRepeat: boolean;
}

/** A write that takes more than a command that can be sent at once. */
class Attempt {
  sent = false;
  over = false;
  resolve!: (published: Published) => void;
  reject!: (error: unknown) => void;
  readonly promise = new Promise<Published>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** Adds entries to streams. */
export class EntryPublisher {
  readonly redis: Redis;
  private readonly endWatch: () => void;
  private readonly functions: FunctionLibrary;
  private readonly replicated: ReplicatedWrites | undefined;
  /** Not on a cluster: there ioredis knows which commands go to the same node. */
  private readonly batches: CommandBatches | undefined;
  private readonly timeLimit: TimeLimit<Attempt | Command>;
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
    else if (!this.redis.isCluster) this.batches = new CommandBatches(this.redis);
    this.functions = new FunctionLibrary(this.redis, this.replicated?.call ?? this.batches?.callFunction);
    this.timeLimit = new TimeLimit(limits.timeoutMs, (work) => this.giveUp(work));
  }

  /**
   * Adds an entry, and applies the writes in the same step.
   *
   * @returns the entry, once Redis has it
   * @throws RedisUnavailableError when Redis does not answer in time; NotReplicatedError when its replicas do not
   * @throws IdempotencyKeyReusedError when its key stands for another event
   */
  publish(stream: string, publication: Publication): Promise<Published> {
    if (this.pending >= this.limits.maxPending) {
      return Promise.reject(
        new RedisUnavailableError(
          `${this.pending} events are already waiting for Redis; this one was not sent`,
          false,
        ),
      );
    }
    this.pending += 1;
    const { fields, writes, idempotency } = publication;
    const isPlain = writes.length === 0 && idempotency === undefined;
    if (isPlain && this.batches && this.redis.status === 'ready') {
      const command = this.batches.append(stream, fields);
      return this.ended(stream, this.timeLimit.begin(command), command.promise, asPublished);
    }
    const attempt = new Attempt();
    this.send(attempt, stream, publication).then(attempt.resolve, attempt.reject);
    return this.ended(stream, this.timeLimit.begin(attempt), attempt.promise, (published) => published);
  }

  /**
   * Waits until the link is up.
   *
   * @throws RedisUnavailableError when that takes longer than the timeout
   */
  async whenReady(): Promise<void> {
    if (this.redis.status === 'ready') return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(this.late(false)), this.limits.timeoutMs);
    });
    try {
      await Promise.race([this.linkUp(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for what is under way, for as long as that may take, then ends the connection. */
  async close(): Promise<void> {
    while (this.pending > 0) await this.settled.next();
    await closeConnection(this.redis);
    this.endWatch();
  }

  private ended<T>(
    stream: string,
    running: Running,
    writing: Promise<T>,
    toPublished: (reply: T) => Published,
  ): Promise<Published> {
    return writing.then(
      (reply) => {
        this.end(running);
        return toPublished(reply);
      },
      (error: unknown) => {
        this.end(running);
        throw explained(error, stream);
      },
    );
  }

  private send(attempt: Attempt, stream: string, publication: Publication): Promise<Published> {
    if (this.redis.status !== 'ready') return this.sendWhenUp(attempt, stream, publication);
    attempt.sent = true;
    const write = (): Promise<Published> => this.write(stream, publication);
    return this.redis.isCluster ? repeatWhileSlotsMove(this.redis, write, () => attempt.over) : write();
  }

  private async sendWhenUp(attempt: Attempt, stream: string, publication: Publication): Promise<Published> {
    await this.linkUp();
    // The caller was told that it was not sent: so it must not be.
    return attempt.over ? { entryId: '', isRepeat: false } : this.send(attempt, stream, publication);
  }

  private async write(stream: string, publication: Publication): Promise<Published> {
    const { fields, writes, idempotency } = publication;
    if (idempotency) return this.addOnce(stream, publication, idempotency);
    return asPublished(
      await (writes.length > 0 ? this.addWith(stream, publication) : this.append(stream, fields)),
    );
  }

  private append(stream: string, fields: readonly string[]): Promise<unknown> {
    if (this.batches) return this.batches.append(stream, fields).promise;
    return this.replicated?.append(stream, fields) ?? this.redis.xadd(stream, '*', ...fields);
  }

  private addWith(stream: string, { fields, writes }: Publication): Promise<unknown> {
    const { keys, args } = writeArguments(writes, 1);
    return this.functions.call('enqueue', [stream, ...keys], [fields.length, ...fields, ...args]);
  }

  private async addOnce(
    stream: string,
    { fields, writes }: Publication,
    { keys: names, windowMs }: Idempotency,
  ): Promise<Published> {
    const own = [stream, ...names.map(({ key }) => dedupMarkerOf(stream, key))];
    const { keys, args } = writeArguments(writes, own.length);
    const fingerprints = names.map(({ fingerprint }) => fingerprint);
    const [entryId, outcome, place = 1] = (await this.functions.call(
      'enqueue_once',
      [...own, ...keys],
      [names.length, windowMs, ...fingerprints, fields.length, ...fields, ...args],
    )) as [string, 'added' | 'repeated' | 'reused', number?];
    if (outcome === 'reused') throw new IdempotencyKeyReusedError(names[place - 1]?.key ?? '', entryId);
    return { entryId, isRepeat: outcome === 'repeated' };
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

  private giveUp(work: Attempt | Command): void {
    if (work instanceof Attempt) {
      work.over = true;
      work.reject(this.late(work.sent));
    } else if (!work.isResolved) work.reject(this.late(true));
  }

  private late(sent: boolean): RedisUnavailableError {
    const message = sent ? 'Redis did not confirm the entry' : 'Redis could not be reached';
    const { timeoutMs } = this.limits;
    return new RedisUnavailableError(`${message} within ${timeoutMs} ms`, sent, { cause: this.linkError });
  }

  private end(running: Running): void {
    running.end();
    this.pending -= 1;
    this.settled.tell();
  }
}

function asPublished(reply: unknown): Published {
  return { entryId: (reply as string | null) ?? '', isRepeat: false };
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
    case 'functions-missing':
      return new FunctionsMissingError();
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
