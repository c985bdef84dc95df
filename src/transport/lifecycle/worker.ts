import { failureOf, type RedisFailure } from '../redis/redis-failure.js';
import type { FollowUpLimits, GroupStart } from '../redis/settlement.js';
import type { StreamBroker } from '../redis/port.js';
import type { Observers } from '../observe/observers.js';
import type { RetryPolicy } from '../policy/retry-policy.js';
import type { Origin, Source } from '../entry/delivery.js';
import type { StreamNaming } from '../entry/names.js';
import type { BigNumbers } from '../entry/payload-json.js';
import { withActiveContext } from '../observe/trace-context.js';
import { DeliveryTracing } from '../observe/delivery-tracing.js';
import { Attempts, type Dispatch } from './attempt.js';
import { withOwnContexts, type DeadLetterArbiter, type SettlementHook } from './application-hooks.js';
import { Decider } from './decider.js';
import { DeliveryWatch } from './delivery-watch.js';
import { InFlight } from './in-flight.js';
import { IntakeGate } from './intake-gate.js';
import type { LoopBlockage } from './loop-blockage.js';
import type { OncePerKey } from './once-per-key.js';
import { Provenance } from './provenance.js';
import { ReadLoop } from './read.js';
import { SettlementSteps } from './settlement-steps.js';
import { Settler } from './settle.js';
import type { Slots } from './slots.js';
import { StreamRecovery } from './recover.js';
import { SuspectRunner } from './suspects.js';
import { UnreadWatch } from './unread.js';

/** What the work on one stream is made of. */
export interface WorkerParts {
  readonly source: Source;
  /** Names the streams that follow-up events go to. */
  readonly naming: StreamNaming;
  readonly followUps: FollowUpLimits;
  readonly broker: StreamBroker;
  readonly dispatch: Dispatch;
  readonly once: OncePerKey | undefined;
  readonly slots: Slots;
  /** How many handlers of the pattern may run at once; all slots unless given. */
  readonly maxInFlight?: number | undefined;
  readonly blockage: LoopBlockage;
  readonly observers: Observers;
  readonly policy: RetryPolicy;
  readonly ackWaitMs: number;
  readonly maxRetryDelayMs: number;
  readonly maxPutOffMs: number;
  readonly maxEntryBytes: number;
  readonly bigNumbers: BigNumbers | undefined;
  readonly hook: () => SettlementHook | undefined;
  readonly arbiter: () => DeadLetterArbiter | undefined;
  readonly onFailure: (failure: RedisFailure, error: unknown) => void;
}

/** All that a process does about one stream: read → in flight → attempt → settle, and the recovery of what is left. */
export class StreamWorker {
  readonly source: Source;
  readonly loop: ReadLoop;
  readonly inFlight: InFlight;
  readonly watch: DeliveryWatch;
  readonly gate: IntakeGate;
  readonly unread: UnreadWatch;
  readonly suspects: SuspectRunner;
  readonly recovery: StreamRecovery;
  private readonly settler: Settler;
  private readonly steps: SettlementSteps;
  private readonly tracing: DeliveryTracing;

  constructor(parts: WorkerParts) {
    const { source, naming, broker, slots, observers, once, hook, arbiter } = parts;
    const policy = withOwnContexts(parts.policy);
    const { ackWaitMs, maxRetryDelayMs, maxPutOffMs, maxEntryBytes } = parts;
    const { stream } = source;
    const onFailure = (error: unknown): void => {
      this.gate.suspect(error);
      parts.onFailure(failureOf(error), error);
    };
    const steps = new SettlementSteps(onFailure);
    const tracing = new DeliveryTracing(source, naming.cluster);
    const shared = { source, broker, observers, steps, onFailure, policy, tracing };
    const origin: Origin = { source, naming, complete: withActiveContext };
    const provenance = new Provenance(shared);
    const decider = new Decider({
      ...{ ...shared, maxRetryDelayMs, maxPutOffMs, arbiter, once },
      onTrouble: (error) => this.gate.suspect(error),
      wasInTrouble: (withinMs) => this.gate.wasInTrouble(withinMs),
    });
    this.source = source;
    this.steps = steps;
    this.tracing = tracing;
    this.settler = new Settler({
      ...{ ...shared, followUps: parts.followUps, decider, hook, ackWaitMs, maxRetryDelayMs },
      handlerTimeoutMs: policy.handlerTimeoutMs,
      onOver: (delivery) => this.inFlight.forget(delivery),
    });
    const { settler } = this;
    const attempts = new Attempts({
      ...{
        ...shared,
        group: source.group,
        dispatch: parts.dispatch,
        provenance,
        once,
        settler,
        maxEntryBytes,
        bigNumbers: parts.bigNumbers,
      },
    });
    this.inFlight = new InFlight({
      ...{ origin, attempts, settler, slots, maxInFlight: parts.maxInFlight },
      ...{ onFailure, blockage: parts.blockage },
      onBlocked: (blocking) => observers.emit('loop-blocked', () => ({ ...source, ...blocking })),
    });
    const { inFlight } = this;
    this.gate = new IntakeGate({
      ...{ broker, stream },
      onPaused: (error) => {
        inFlight.pause();
        observers.emit('intake-paused', () => ({ ...source, error }));
      },
      onResumed: (pausedMs) => {
        inFlight.resume();
        observers.emit('intake-resumed', () => ({ ...source, pausedMs }));
      },
    });
    const { handlerTimeoutMs } = policy;
    this.watch = new DeliveryWatch({
      ...{ stream, broker, inFlight, ackWaitMs, handlerTimeoutMs, onFailure },
      onExhausted: (exhausted) => observers.emit('slots-exhausted', () => ({ ...source, ...exhausted })),
    });
    this.unread = new UnreadWatch(shared);
    this.loop = new ReadLoop({
      ...{ stream, broker, inFlight, tally: this.unread.tally },
      withWrites: () => hook() !== undefined,
      onGroupMade: (start) => this.join(start, parts),
      onFailure: parts.onFailure,
    });
    const recovered = { ...shared, inFlight, ackWaitMs, maxRetryDelayMs };
    this.suspects = new SuspectRunner({
      ...{ ...recovered, origin, decider, settler, provenance, slots, maxEntryBytes },
      takeOn: (claim) => this.recovery.takeOn(claim),
      onFailure: (error) => parts.onFailure(failureOf(error), error),
    });
    this.recovery = new StreamRecovery({ ...recovered, suspects: this.suspects, unread: this.unread });
  }

  /** @returns resolves when the group is known to exist and reading begins */
  start(): Promise<void> {
    this.watch.start();
    return this.loop.start();
  }

  /** Stops reading and hands back what was not started, also what comes in later. */
  async stopReading(): Promise<void> {
    this.inFlight.stopTaking();
    await this.loop.stop();
  }

  /** Ends without waiting any longer: what is not settled stays pending. */
  end(reason: Error): void {
    this.watch.stop();
    this.gate.end();
    this.loop.end();
    this.settler.giveUp();
    this.steps.giveUp();
    this.inFlight.abort(reason);
    this.tracing.giveUp();
  }

  /** Others must know how long this process may be silent before it is given its first entry. */
  private async join(
    { madeAt, wasLost }: GroupStart,
    { broker, source, observers, ackWaitMs, maxRetryDelayMs }: WorkerParts,
  ): Promise<void> {
    if (madeAt !== undefined && wasLost)
      observers.emit('group-remade', () => ({ ...source, startId: madeAt }));
    // What is read from now on is counted; what left before that is seen only now.
    await this.unread.look('before-reading');
    const names = (await broker.consumers(source.stream)).map(({ name }) => name);
    await broker.announce(source.stream, 'ack-waits', ackWaitMs, names);
    await broker.announce(source.stream, 'retry-delays', maxRetryDelayMs, names);
  }
}
