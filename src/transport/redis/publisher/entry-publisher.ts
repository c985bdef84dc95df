import { randomUUID } from 'node:crypto';
import type { Command, Redis } from 'ioredis';
import { refreshSlots } from '../links/cluster-nodes.js';
import type { RedisConnectionOptions } from '../links/connection-options.js';
import { closeConnection, openConnection } from '../links/connection.js';
import { explained } from './emit-errors.js';
import { EmitLane, type LaneSupport } from './emit-lane.js';
import { KeyedEntry, type EmitPart, type Reply } from './emit-part.js';
import type { EmitWire } from '../fast/emit-wire.js';
import type { OnMisfit } from '../fast/paths.js';
import { emitWire } from '../fast/wired-emits.js';
import { FunctionLibrary } from '../lua/function-library.js';
import { watchSilence } from '../links/link-watch.js';
import { PendingEmit, type Publication, type Published } from './pending-emit.js';
import { failureOf } from '../redis-failure.js';
import { sendReplicated, type WaitReplicas } from './replicated-writes.js';
import { Signal } from '../signal.js';
import { TimeLimit } from './time-limit.js';
import {
  EmitQueueFullError,
  MissingPermissionError,
  RedisUnavailableError,
} from '../../entry/client-errors.js';
import { helperKeyOf } from '../../entry/names.js';

/** Sends that may be under way at once: as many can be in doubt when a link breaks. */
const WINDOW = 16;

/** How long and how much a publisher waits. */
export interface PublisherLimits {
  /** Milliseconds until an unanswered write is given up. */
  readonly timeoutMs: number;
  /** How many writes may wait while Redis is unavailable. */
  readonly maxPending: number;
  /** How many bytes all that are under way may take. */
  readonly maxPendingBytes: number;
  /** The replicas that must have a write before it counts, if any. */
  readonly waitReplicas?: WaitReplicas | undefined;
}

/** Adds entries to streams. */
export class EntryPublisher {
  readonly redis: Redis;
  private readonly endWatch: () => void;
  private readonly functions: FunctionLibrary;
  private readonly timeLimit: TimeLimit<PendingEmit>;
  private readonly settled = new Signal();
  /** On a cluster one for each stream: what goes to one node does not wait for what goes to another. */
  private readonly lanes = new Map<string, EmitLane>();
  private readonly support: LaneSupport;
  private readonly wire: EmitWire;
  /** Names this client in the marks of its sends. */
  private readonly id = randomUUID();
  private sends = 0;
  private pending = 0;
  private pendingBytes = 0;
  /** Whether an attempt to reach Redis failed, or its link broke, and there is none since. */
  private isAway = false;
  /** What this user may call no function for, as far as it was seen on this link. */
  private readonly withoutFunctions = new Set<string>();
  private hasNoFunctions = false;
  private loading: Promise<unknown> | undefined;
  private comingUp: Promise<void> | undefined;
  /** What last went wrong with the link: a wrong password looks like a Redis that is unavailable. */
  private linkError: Error | undefined;

  constructor(
    connection: RedisConnectionOptions,
    private readonly limits: PublisherLimits,
    onMisfit: OnMisfit = () => undefined,
  ) {
    this.wire = emitWire(onMisfit);
    this.redis = openConnection(connection, 'publisher', 'order-streams');
    for (const event of ['error', 'node error']) {
      this.redis.on(event, (error: Error) => {
        this.linkError = error;
      });
    }
    this.redis.on('ready', () => this.begin());
    this.redis.on('close', () => (this.isAway = true));
    this.redis.on('end', () => this.lanes.forEach((lane) => lane.end(closed())));
    this.endWatch = watchSilence(this.redis);
    this.functions = new FunctionLibrary(this.redis);
    this.timeLimit = new TimeLimit(limits.timeoutMs, (emit) => this.onLate(emit));
    this.support = {
      wire: this.wire,
      window: this.redis.isCluster || limits.waitReplicas ? 1 : WINDOW,
      isUp: () => this.redis.status === 'ready' && (this.redis.isCluster || this.redis.stream.writable),
      send: (make, parts) => this.send(make, parts),
      nextNumber: (stream) =>
        this.hasNoFunctions || this.withoutFunctions.has(stream)
          ? undefined
          : { number: (this.sends += 1), mark: helperKeyOf(stream, '@emits', this.id) },
      noFunctionsFor: (stream) => this.withoutFunctions.add(stream),
      loadLibrary: () => (this.loading ??= this.load().finally(() => (this.loading = undefined))),
      onTrouble: () => {
        if (this.redis.isCluster && this.redis.status === 'ready') refreshSlots(this.redis);
      },
    };
  }

  /**
   * Adds an entry, and applies the writes in the same step.
   *
   * @returns the entry, once Redis has it
   * @throws RedisUnavailableError when Redis does not answer in time; NotReplicatedError when its replicas do not
   * @throws EmitQueueFullError when too much waits already
   * @throws IdempotencyKeyReusedError when its key stands for another event
   */
  publish(stream: string, publication: Publication): Promise<Published> {
    if (this.redis.status === 'end') return Promise.reject(closed());
    const emit = new PendingEmit(stream, publication, this.wire);
    const full = this.fullness(emit);
    if (full) return Promise.reject(full);
    emit.running = this.timeLimit.begin(emit);
    emit.onEnd = this.onEnd;
    this.pending += 1;
    this.pendingBytes += emit.bytes;
    this.laneOf(stream).add(emit);
    return emit.promise;
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

  private fullness({ bytes }: PendingEmit): EmitQueueFullError | undefined {
    const { maxPending, maxPendingBytes } = this.limits;
    const { pending, pendingBytes } = this;
    const isOverBytes = pending > 0 && pendingBytes + bytes > maxPendingBytes;
    if (!isOverBytes && !(this.isAway && pending >= maxPending)) return undefined;
    const options = { cause: this.isAway ? this.linkError : undefined };
    return isOverBytes
      ? new EmitQueueFullError(pending, pendingBytes, 'maxPendingBytes', maxPendingBytes, options)
      : new EmitQueueFullError(pending, pendingBytes, 'maxPendingEmits', maxPending, options);
  }

  private laneOf(stream: string): EmitLane {
    const name = this.redis.isCluster ? stream : '';
    let lane = this.lanes.get(name);
    if (!lane) {
      const made = new EmitLane(this.support, () => {
        // One that waited for its turn when it became idle has a successor by then.
        if (this.redis.isCluster && this.lanes.get(name) === made) this.lanes.delete(name);
      });
      lane = made;
      this.lanes.set(name, lane);
    }
    return lane;
  }

  /** A link is there; what could not be done on the last one may be possible on it. */
  private begin(): void {
    this.isAway = false;
    this.withoutFunctions.clear();
    this.hasNoFunctions = false;
    this.lanes.forEach((lane) => lane.flush());
  }

  private async send(make: () => Command[], parts: readonly EmitPart[]): Promise<readonly Reply[]> {
    const { waitReplicas } = this.limits;
    try {
      if (waitReplicas) {
        const stream = parts[0]?.stream ?? '';
        const hasCalls = parts.some((part) => part.isDoubtful || part instanceof KeyedEntry);
        return await sendReplicated(this.redis, waitReplicas, { make, stream, hasCalls });
      }
      const commands = make();
      if (this.redis.isCluster) for (const command of commands) this.redis.sendCommand(command);
      else this.wire.write(this.redis, commands);
      return await Promise.all(commands.map(answerOf));
    } catch (error) {
      return make().map(() => ({ error: error as Error }));
    }
  }

  private async load(): Promise<unknown> {
    try {
      await this.functions.load();
      return undefined;
    } catch (error) {
      const failure = failureOf(error);
      if (failure === 'unreachable') return undefined;
      this.hasNoFunctions = failure === 'no-permission' || failure === 'functions-missing';
      return error instanceof MissingPermissionError ? error : explained(error, 'the function library');
    }
  }

  /** One wait for all who wait: ioredis warns of many listeners. */
  private linkUp(): Promise<void> {
    this.comingUp ??= new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.redis.off('ready', settle).off('end', settle);
        this.comingUp = undefined;
        if (this.redis.status === 'ready') resolve();
        else reject(closed());
      };
      this.redis.once('ready', settle).once('end', settle);
      if (this.redis.status === 'end') settle();
    });
    return this.comingUp;
  }

  private readonly onEnd = (emit: PendingEmit): void => {
    emit.running?.end();
    this.pending -= 1;
    this.pendingBytes -= emit.bytes;
    this.settled.notify();
  };

  private onLate(emit: PendingEmit): number | undefined {
    if (emit.isOver) return undefined;
    const lane = this.laneOf(emit.stream);
    const restMs = this.limits.timeoutMs - lane.silentFor;
    // Redis works; what is in front of this one takes long.
    if (restMs > 0) return restMs;
    emit.reject(this.late(emit.wasSent));
    lane.prune();
    return undefined;
  }

  private late(sent: boolean): RedisUnavailableError {
    const message = sent ? 'Redis did not confirm the entry' : 'Redis could not be reached';
    const { timeoutMs } = this.limits;
    return new RedisUnavailableError(`${message} within ${timeoutMs} ms`, sent, { cause: this.linkError });
  }
}

function answerOf(command: Command): Promise<Reply> {
  return command.promise.then(
    (reply: unknown) => ({ reply }),
    (error: unknown) => ({ error: error as Error }),
  );
}

function closed(): RedisUnavailableError {
  return new RedisUnavailableError('The connection to Redis is closed', false);
}
