import { setTimeout as delay } from 'node:timers/promises';
import type { RedisFailure } from '../redis/redis-failure.js';
import { isCluster } from '../redis/links/connection-options.js';
import { RedisStreamBroker } from '../redis/broker/redis-stream-broker.js';
import type { OnMisfit } from '../redis/fast/paths.js';
import type { Dispatch } from '../lifecycle/attempt.js';
import type { DeadLetterArbiter, SettlementHook } from '../lifecycle/application-hooks.js';
import { LoopBlockage } from '../lifecycle/loop-blockage.js';
import { OncePerKey } from '../lifecycle/once-per-key.js';
import { Slots } from '../lifecycle/slots.js';
import { StreamWorker } from '../lifecycle/worker.js';
import type { IdempotencyPolicy } from '../idempotency/idempotency-policy.js';
import { RedisIdempotencyStore } from '../idempotency/redis-idempotency-store.js';
import { troubleOf } from '../policy/trouble.js';
import type { Observers } from '../observe/observers.js';
import { followPromises } from '../observe/own-context.js';
import type { RetryPolicy } from '../policy/retry-policy.js';
import { isDeadLetterStream } from '../entry/names.js';
import type { Recoverable } from './pending-recovery.service.js';
import { StreamRetention } from '../lifecycle/retention.js';
import type { ResolvedServerOptions } from './server-options.js';

/** How long a blocking read waits, in milliseconds: also how long a shutdown may have to wait for it. */
const BLOCK_MS = 1_000;

/** For how long Redis is asked, when everything ends, before it counts as unavailable, in milliseconds. */
const SILENT_MS = 750;
/** The same without a link, which would have been made again by then. */
const DISCONNECTED_MS = 500;
const STUCK_LOOK_MS = 50;

/** What is left when the transport ends. */
export interface Remainder {
  /** Whether everything ended in order. */
  readonly isDrained: boolean;
  /** Handlers that run on. */
  readonly running: number;
  /** Handlers that have ended, and Redis does not know it. */
  readonly unwritten: number;
}

/** A handler, where it reads, and how its failures are treated. */
export interface Route {
  readonly pattern: string;
  readonly stream: string;
  readonly dispatch: Dispatch;
  readonly policy: RetryPolicy;
  /** How many of its handlers may run at once; all slots unless given. */
  readonly maxInFlight: number | undefined;
  /** For a handler that is called once for each key. */
  readonly idempotency: IdempotencyPolicy | undefined;
}

/** What surrounds a running transport. */
export interface Surroundings {
  readonly observers: Observers;
  readonly hook: () => SettlementHook | undefined;
  readonly arbiter: () => DeadLetterArbiter | undefined;
  readonly onFailure: (stream: string, failure: RedisFailure, error: unknown) => void;
  readonly onMisfit: OnMisfit;
}

/** Everything that runs between `listen` and `close`: one connection for commands, one worker per stream. */
export class RunningTransport {
  readonly broker: RedisStreamBroker;
  readonly workers: readonly StreamWorker[];
  readonly recoveries: readonly Recoverable[];
  private readonly blockage: LoopBlockage;

  constructor(options: ResolvedServerOptions, routes: readonly Route[], surroundings: Surroundings) {
    const {
      connection,
      group,
      consumer,
      ackWaitMs,
      maxRetryDelayMs,
      maxPutOffMs,
      maxEntryBytes,
      bigNumbers,
    } = options;
    const { observers, hook, arbiter, onFailure, onMisfit } = surroundings;
    const naming = { streams: options.streams, cluster: isCluster(connection) };
    const broker = new RedisStreamBroker({ connection, group, consumer, blockMs: BLOCK_MS, onMisfit });
    const slots = new Slots(options.maxInFlight);
    const blockage = new LoopBlockage(ackWaitMs);
    this.broker = broker;
    this.blockage = blockage;
    this.workers = routes.map(({ pattern, stream, dispatch, policy, maxInFlight, idempotency }) => {
      const source = {
        ...{ pattern, stream, group, consumer },
        isDeadLetterStream: isDeadLetterStream(stream),
      };
      const once = idempotency && this.oncePerKey(stream, idempotency, policy);
      return new StreamWorker({
        ...{ source, broker, dispatch, once, slots, blockage, observers, policy, hook, arbiter },
        maxInFlight,
        ...{
          ackWaitMs,
          maxRetryDelayMs,
          maxPutOffMs,
          maxEntryBytes,
          bigNumbers,
          naming,
          followUps: options.followUps,
        },
        onFailure: (failure, error) => onFailure(stream, failure, error),
      });
    });
    this.recoveries = this.workers.map(({ source, recovery }) => {
      const retention = new StreamRetention({ source, broker, observers, retention: options.retention });
      return {
        get hasMore() {
          return recovery.hasMore;
        },
        runOnce: async () => {
          const counts = await recovery.runOnce();
          await retention.runIfDue();
          return counts;
        },
      };
    });
  }

  private oncePerKey(
    stream: string,
    policy: IdempotencyPolicy,
    { handlerTimeoutMs }: RetryPolicy,
  ): OncePerKey {
    const store = policy.store === 'redis' ? new RedisIdempotencyStore(this.broker, stream) : policy.store;
    return new OncePerKey(policy, store, handlerTimeoutMs);
  }

  /** @returns whether reading began within the time; if not, it begins as soon as Redis is ready */
  async start(limitMs: number): Promise<boolean> {
    this.blockage.start();
    followPromises();
    return within(limitMs, Promise.all(this.workers.map((worker) => worker.start())));
  }

  /**
   * Stops reading and lets handlers finish. Where none runs and Redis takes no writes, waiting changes nothing.
   *
   * @param recoveryStopped - resolves when the recovery, which may be claiming, runs no more
   * @returns what is left; its entries stay pending
   */
  async close(graceMs: number, recoveryStopped: Promise<void>): Promise<Remainder> {
    const closing = new AbortController();
    const progress = { isDrained: false };
    const draining = this.drain(recoveryStopped).then(() => {
      progress.isDrained = true;
    });
    await within(graceMs, Promise.race([draining, this.untilStuck(closing.signal)]));
    closing.abort();
    const left = { ...this.unfinished, isDrained: progress.isDrained };
    if (!left.isDrained)
      await within(BLOCK_MS, Promise.allSettled(this.workers.map(({ suspects }) => suspects.absolve())));
    const reason = new Error(`Not finished within the shutdown grace of ${graceMs} ms`);
    this.blockage.stop();
    for (const worker of this.workers) worker.end(reason);
    if (progress.isDrained) await this.leaveGroups();
    await this.broker.close();
    return left;
  }

  private get unfinished(): Omit<Remainder, 'isDrained'> {
    const each = this.workers.map(({ inFlight }) => inFlight.unfinished);
    return {
      running: each.reduce((sum, { running }) => sum + running, 0),
      unwritten: each.reduce((sum, { unwritten }) => sum + unwritten, 0),
    };
  }

  /** Resolves when no handler runs, and Redis has taken nothing of what is left for a while in which it took no writes. */
  private async untilStuck(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { running, unwritten } = this.unfinished;
      if (running === 0 && !(await this.takesWrites()) && this.unfinished.unwritten >= unwritten) return;
      await delay(STUCK_LOOK_MS);
    }
  }

  private async takesWrites(): Promise<boolean> {
    const [first] = this.workers;
    if (!first) return true;
    const limitMs = this.broker.isConnected() ? SILENT_MS : DISCONNECTED_MS;
    const probing = this.broker.probe(first.source.stream).catch(async (error: unknown) => {
      // Full, it refuses the probe and takes acknowledgements all the same.
      if (troubleOf(error)) await delay(2 * SILENT_MS, undefined, { ref: false });
    });
    return within(limitMs, probing);
  }

  private async drain(recoveryStopped: Promise<void>): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stopReading()));
    // What a claim under way brings is handed back like what was buffered.
    await recoveryStopped;
    await Promise.all(this.workers.map(({ suspects }) => suspects.idle()));
    await Promise.all(this.workers.map(({ inFlight }) => inFlight.idle()));
  }

  /** A consumer that has nothing pending need not wait until another process finds it idle. */
  private async leaveGroups(): Promise<void> {
    if (!this.broker.isConnected()) return;
    const leaving = this.workers.map(async ({ source, unread }) => {
      await unread.look('after-reading');
      await this.broker.reapConsumer(source.stream, source.consumer, 0);
    });
    await within(BLOCK_MS, Promise.allSettled(leaving));
  }
}

async function within(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const limit = new AbortController();
  try {
    return await Promise.race([work.then(() => true), delay(limitMs, false, { signal: limit.signal })]);
  } finally {
    limit.abort();
  }
}
