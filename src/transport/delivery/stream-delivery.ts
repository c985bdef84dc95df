import { failureOf, type RedisFailure } from '../broker/redis-failure.js';
import type { FollowUpLimits, GroupStart } from '../broker/settlement.js';
import type { StreamBroker } from '../broker/stream-broker.js';
import type { Observers } from '../observe/observers.js';
import type { RetryPolicy } from '../policy/retry-policy.js';
import type { StreamNaming } from '../protocol/stream-key.js';
import { DeliveryTracing } from '../tracing/delivery-tracing.js';
import { Acknowledger } from './acknowledger.js';
import { Committer } from './committer.js';
import type { DeadLetterArbiter } from './dead-letter-arbiter.js';
import { DeliveryWatch } from './delivery-watch.js';
import { EntryProcessor, type Dispatch } from './entry-processor.js';
import type { OncePerKey } from './once-per-key.js';
import { Provenance } from './provenance.js';
import { LateFinish } from './late-finish.js';
import type { LoopBlockage } from './loop-blockage.js';
import { ReadLoop } from './read-loop.js';
import { IntakeGate } from './intake-gate.js';
import type { HeldEntry } from './held-entry.js';
import type { Source } from './received-event.js';
import type { SettlementHook } from './settlement-hook.js';
import { Settler } from './settler.js';
import type { Slots } from './slots.js';
import { StreamConsumer } from './stream-consumer.js';
import { UnreadWatch } from './unread-watch.js';

/** What the delivery of one stream is made of. */
export interface DeliveryParts {
  readonly source: Source;
  /** Names the streams that follow-up events go to. */
  readonly naming: StreamNaming;
  readonly followUps: FollowUpLimits;
  readonly broker: StreamBroker;
  readonly dispatch: Dispatch;
  readonly once: OncePerKey | undefined;
  readonly slots: Slots;
  readonly blockage: LoopBlockage;
  readonly observers: Observers;
  readonly policy: RetryPolicy;
  readonly ackWaitMs: number;
  readonly maxRetryDelayMs: number;
  readonly maxPutOffMs: number;
  readonly maxEntryBytes: number;
  readonly hook: () => SettlementHook | undefined;
  readonly arbiter: () => DeadLetterArbiter | undefined;
  readonly onFailure: (failure: RedisFailure, error: unknown) => void;
}

/** The way from one stream to its handler: read loop → consumer → processor → acknowledger or settler. */
export class StreamDelivery {
  readonly loop: ReadLoop;
  readonly consumer: StreamConsumer;
  readonly source: Source;
  readonly policy: RetryPolicy;
  readonly gate: IntakeGate;
  private readonly acknowledger: Acknowledger;
  private readonly committer: Committer<HeldEntry>;
  readonly settler: Settler;
  readonly provenance: Provenance;
  private readonly late: LateFinish;
  readonly unread: UnreadWatch;
  private readonly tracing: DeliveryTracing;
  private readonly watch: DeliveryWatch;

  constructor(parts: DeliveryParts) {
    const { source, broker, dispatch, slots, observers, policy, maxEntryBytes } = parts;
    const { hook, arbiter, maxRetryDelayMs, maxPutOffMs } = parts;
    const { stream } = source;
    const onFailure = (error: unknown): void => {
      this.gate.suspect(error);
      parts.onFailure(failureOf(error), error);
    };
    const tracing = new DeliveryTracing(source, parts.naming.cluster);
    this.source = source;
    this.tracing = tracing;
    this.policy = policy;
    this.provenance = new Provenance({ source, broker, observers, onFailure });
    this.acknowledger = new Acknowledger({
      broker,
      stream,
      onAcknowledged: (ids) => this.consumer.acknowledged(ids),
      onFailure,
    });
    this.settler = new Settler({
      ...{ source, broker, observers, tracing, policy },
      ...{ maxRetryDelayMs, maxPutOffMs, hook, arbiter, onFailure, once: parts.once },
      onTrouble: (error) => this.gate.suspect(error),
      wasInTrouble: (withinMs) => this.gate.wasInTrouble(withinMs),
    });
    this.committer = new Committer({
      ...{ broker, stream, followUps: parts.followUps, onFailure },
      onAnswer: (held, answer) => {
        let rest: Promise<void> | undefined;
        try {
          rest = processor.committed(held, answer);
        } catch (error) {
          onFailure(error);
        }
        if (rest) void rest.catch(onFailure).finally(() => this.consumer.settled(held));
        else this.consumer.settled(held);
      },
    });
    this.late = new LateFinish({ broker, stream, followUps: parts.followUps, onFailure });
    const { acknowledger, committer, settler, late } = this;
    const processor = new EntryProcessor({
      ...{
        source,
        naming: parts.naming,
        dispatch,
        provenance: this.provenance,
        once: parts.once,
        acknowledger,
        committer,
        settler,
        late,
        observers,
        tracing,
      },
      maxEntryBytes,
      ackWaitMs: parts.ackWaitMs,
    });
    this.consumer = new StreamConsumer({
      ...{ stream, broker, processor, slots, onFailure, blockage: parts.blockage },
      onBlocked: (blocking) => observers.tell('loop-blocked', () => ({ ...source, ...blocking })),
    });
    this.gate = new IntakeGate({
      ...{ broker, stream },
      onPaused: (error) => {
        this.consumer.pause();
        observers.tell('intake-paused', () => ({ ...source, error }));
      },
      onResumed: (pausedMs) => {
        this.consumer.resume();
        observers.tell('intake-resumed', () => ({ ...source, pausedMs }));
      },
    });
    this.watch = new DeliveryWatch(
      this.consumer,
      { ackWaitMs: parts.ackWaitMs, handlerTimeoutMs: policy.handlerTimeoutMs },
      onFailure,
    );
    this.unread = new UnreadWatch({ source, broker, observers, onFailure });
    this.loop = new ReadLoop({
      stream,
      broker,
      consumer: this.consumer,
      withWrites: () => hook() !== undefined,
      tally: this.unread.tally,
      onGroupMade: (start) => this.join(start, parts),
      onFailure: parts.onFailure,
    });
  }

  /** @returns resolves when the group is known to exist and reading begins */
  start(): Promise<void> {
    this.watch.start();
    return this.loop.start();
  }

  /** Stops reading and hands back what was not started, also what comes in later. */
  async stopReading(): Promise<void> {
    this.consumer.stopTaking();
    await this.loop.stop();
  }

  /** Ends without waiting any longer: what is not settled stays pending. */
  end(reason: Error): void {
    this.watch.stop();
    this.gate.end();
    this.loop.end();
    this.acknowledger.giveUp();
    this.committer.giveUp();
    this.settler.giveUp();
    this.provenance.giveUp();
    this.late.giveUp();
    this.consumer.abort(reason);
    this.tracing.giveUp();
  }

  /** Others must know how long this process may be silent before it is given its first entry. */
  private async join(
    { madeAt, wasLost }: GroupStart,
    { broker, source, observers, ackWaitMs, maxRetryDelayMs }: DeliveryParts,
  ): Promise<void> {
    if (madeAt !== undefined && wasLost)
      observers.tell('group-remade', () => ({ ...source, startId: madeAt }));
    // What is read from now on is counted; what left before that is seen only now.
    await this.unread.look('before-reading');
    const names = (await broker.consumers(source.stream)).map(({ name }) => name);
    await broker.announce(source.stream, 'ack-waits', ackWaitMs, names);
    await broker.announce(source.stream, 'retry-delays', maxRetryDelayMs, names);
  }
}
