import type { IdempotencyStore } from '../../../src/transport/idempotency/idempotency-store.js';
import { RedisIdempotencyStore } from '../../../src/transport/idempotency/redis-idempotency-store.js';
import { LoopBlockage } from '../../../src/transport/lifecycle/loop-blockage.js';
import { OncePerKey } from '../../../src/transport/lifecycle/once-per-key.js';
import { Slots } from '../../../src/transport/lifecycle/slots.js';
import { StreamWorker } from '../../../src/transport/lifecycle/worker.js';
import { Observers } from '../../../src/transport/observe/observers.js';
import type { TransportEvents } from '../../../src/transport/observe/transport-events.js';
import { DEFAULT_RETRY_POLICY } from '../../../src/transport/policy/retry-policy.js';
import type { Delivery } from '../../../src/transport/entry/delivery.js';
import type { StreamBroker } from '../../support/broker-port.js';
import type { Application } from './application.js';
import { type Settings, ACK_WAIT_MS, BACKOFF_MS, MAX_WAIT_MS } from './settings.js';

export { DependencyUnavailableError } from '../../../src/transport/entry/errors.js';
export { NonRetryableError } from '../../../src/transport/entry/errors.js';
export { RedisUnavailableError } from '../../../src/transport/entry/client-errors.js';
export { RetryLaterError } from '../../../src/transport/entry/errors.js';

/** What a handler of the model is given. */
export interface GivenEvent extends Pick<Delivery, 'deliveryCount'> {
  readonly entryId: string;
  readonly commit: Delivery['commit'];
}

/** What the delivery of one process works with. */
export interface ModelDeliveryParts {
  readonly stream: string;
  readonly consumer: string;
  readonly broker: StreamBroker;
  readonly settings: Settings;
  readonly application: Application;
  /** Where keys are kept, if not in Redis. */
  readonly keyTable: IdempotencyStore | undefined;
  readonly handle: (event: GivenEvent) => Promise<void>;
  /** Given every event that the transport emits, and as `failure` whatever it reports. */
  readonly onEvent: (name: string, event: object) => void;
}

const EVENTS: Readonly<Record<keyof TransportEvents, true>> = {
  ...{ received: true, processed: true, duplicate: true, 'duplicate-waiting': true, failed: true },
  ...{ 'commit-refused': true, 'retry-scheduled': true, 'put-off': true, 'dead-lettered': true },
  ...{ 'intake-paused': true, 'intake-resumed': true, 'dead-letter-failed': true, skipped: true },
  ...{ 'replay-fields-ignored': true, reclaimed: true, vanished: true, lost: true, trimmed: true },
  ...{ 'group-remade': true, 'group-set-back': true, 'clock-set-back': true, 'loop-blocked': true },
  'headers-left-out': true,
  'slots-exhausted': true,
  'stale-group': true,
};

/**
 * All that lies between the broker port and the handlers in one process, as it is in production; only its timers are left
 * out. The model knows nothing else of it: where the parts of it change, this file alone changes with them.
 */
export class ModelDelivery {
  readonly slots: Pick<Slots, 'free' | 'limit' | 'isReserved'>;
  private readonly worker: StreamWorker;

  constructor(parts: ModelDeliveryParts) {
    const { stream, consumer, broker, settings, application, keyTable, handle, onEvent } = parts;
    const source = { pattern: stream, stream, group: 'model-group', consumer, isDeadLetterStream: false };
    const observers = new Observers((error) => onEvent('failure', { error }));
    for (const name of Object.keys(EVENTS) as (keyof TransportEvents)[]) {
      observers.add(name, (event: object) => onEvent(name, event));
    }
    const slots = new Slots(settings.slots);
    const { maxRetries, resetOnErrorChange, maxPutOffMs } = settings;
    const policy = {
      ...DEFAULT_RETRY_POLICY,
      ...{ maxRetries, resetOnErrorChange, backoff: { type: 'fixed', delayMs: BACKOFF_MS } as const },
      classify: application.classify,
    };
    const limits = {
      ackWaitMs: ACK_WAIT_MS,
      maxRetryDelayMs: MAX_WAIT_MS,
      maxPutOffMs,
      maxEntryBytes: 10_000,
      bigNumbers: undefined,
    };
    const shared = { source, broker, slots, observers, policy, ...limits };
    const key = (payload: unknown): string => (payload as { orderId: string }).orderId;
    const keys = { key, handler: 'orders', store: 'redis', windowMs: MAX_WAIT_MS } as const;
    const store = settings.isOncePerKey ? new RedisIdempotencyStore(broker, stream) : keyTable;
    this.slots = slots;
    this.worker = new StreamWorker({
      ...shared,
      naming: { streams: {}, cluster: false },
      followUps: { maxEntries: 1_000, maxAgeMs: 86_400_000 },
      once: store && new OncePerKey(keys, store, policy.handlerTimeoutMs),
      blockage: new LoopBlockage(ACK_WAIT_MS),
      dispatch: (delivery) => {
        const { id: entryId, deliveryCount } = delivery;
        return handle({ entryId, deliveryCount, commit: (collect) => delivery.commit(collect) });
      },
      hook: () => application.hook,
      arbiter: () => application.arbiterOf(consumer),
      onFailure: (_failure, error) => onEvent('failure', { error }),
    });
  }

  start(): void {
    void this.worker.loop.start();
  }

  /** One run of the recovery. */
  async recover(): Promise<void> {
    await this.worker.recovery.runOnce();
  }

  /** Treats all running handlers as out of time. */
  expire(): void {
    this.worker.watch.expire(0);
  }

  heartbeat(): void {
    void this.worker.watch.keepFresh(0);
  }

  handBack(): void {
    void this.worker.inFlight.handBack(0);
  }

  stopTaking(): void {
    this.worker.inFlight.stopTaking();
  }

  stopReading(): Promise<void> {
    return this.worker.stopReading();
  }

  /** Resolves when nothing is held, and no suspect runs. */
  async idle(): Promise<void> {
    await this.worker.suspects.idle();
    await this.worker.inFlight.idle();
  }

  /** The process ends while a suspect may run. */
  absolve(): Promise<void> {
    return this.worker.suspects.absolve();
  }

  end(reason: Error): void {
    this.worker.end(reason);
  }

  holds(id: string): boolean {
    return this.worker.inFlight.holds(id);
  }
}
