import type { StreamBroker } from '../../../src/transport/broker/stream-broker.js';
import type { StreamReader } from '../../../src/transport/broker/stream-reader.js';
import { LoopBlockage } from '../../../src/transport/delivery/loop-blockage.js';
import { Slots } from '../../../src/transport/delivery/slots.js';
import { StreamDelivery } from '../../../src/transport/delivery/stream-delivery.js';
import { Observers } from '../../../src/transport/observe/observers.js';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../../../src/transport/policy/retry-policy.js';
import { StreamRecovery } from '../../../src/transport/recovery/stream-recovery.js';
import { SuspectRunner } from '../../../src/transport/recovery/suspect-runner.js';
import type { StreamWorld } from '../../support/stream-world.js';
import { effectsKeyOf } from '../../support/stream-world.js';
import { Link, over } from './link.js';

export const ACK_WAIT_MS = 30_000;
export const BACKOFF_MS = 1_000;

/** What differs from schedule to schedule. */
export interface Settings {
  readonly maxRetries: number;
  readonly slots: number;
  readonly resetOnErrorChange: boolean;
}

/** A handler that was started, and that ends as the schedule wants it. */
export interface RunningHandler {
  readonly id: string;
  readonly count: number;
  /** Whether its time was up. */
  isLate: boolean;
  succeed(): void;
  /** Succeeds with a commit: one that counts the entry's effects, or one that cannot be written. */
  commit(isGood: boolean): void;
  fail(error: Error): void;
}

/** What is told of a process's handlers. */
export interface HandlerLog {
  started(consumer: string, id: string, count: number): void;
  succeeded(consumer: string, id: string, count: number): void;
  failed(consumer: string, id: string, count: number): void;
}

/** Puts something between a process and its broker. */
export type BrokerWrap = (broker: StreamBroker, link: Link, bare: StreamBroker) => StreamBroker;

/** One process of the service, from the broker port upwards as it is in production; only its timers are left out. */
export class ModelProcess {
  readonly commands = new Link();
  readonly reads = new Link();
  readonly delivery: StreamDelivery;
  readonly slots: Slots;
  running: RunningHandler[] = [];
  isFrozen = false;
  isGone = false;
  isClosing = false;
  private reader: StreamReader | undefined;
  private recovering: Promise<void> | undefined;
  private readonly recovery: StreamRecovery;
  private readonly suspects: SuspectRunner;
  private readonly broker: StreamBroker;

  constructor(
    readonly name: string,
    private readonly world: StreamWorld,
    settings: Settings,
    wrap: BrokerWrap,
    log: HandlerLog,
  ) {
    this.slots = new Slots(settings.slots);
    const backoff = { type: 'fixed', delayMs: BACKOFF_MS } as const;
    const policy: RetryPolicy = { ...DEFAULT_RETRY_POLICY, ...settings, backoff };
    const bare = world.broker(name);
    const linked = over(bare, this.commands);
    const { stream } = world;
    const broker = wrap(this.readingOver(linked, bare), this.commands, bare);
    this.broker = broker;
    const source = {
      pattern: stream,
      stream,
      group: 'model-group',
      consumer: name,
      isDeadLetterStream: false,
    };
    const observers = new Observers(() => undefined);
    observers.add('processed', ({ entryId, deliveryCount }) => log.succeeded(name, entryId, deliveryCount));
    observers.add('failed', ({ entryId, deliveryCount }) => log.failed(name, entryId, deliveryCount));
    const waits = { maxRetryDelayMs: 86_400_000, maxPutOffMs: 86_400_000 };
    const limits = { ackWaitMs: ACK_WAIT_MS, ...waits, maxEntryBytes: 10_000 };
    const shared = { source, broker, slots: this.slots, observers, policy, ...limits };
    this.delivery = new StreamDelivery({
      ...shared,
      naming: { streams: {}, cluster: false },
      followUps: { maxEntries: 1_000, maxAgeMs: 86_400_000 },
      once: undefined,
      blockage: new LoopBlockage(ACK_WAIT_MS),
      dispatch: (event) =>
        new Promise((resolve, reject) => {
          const { entryId, deliveryCount } = event;
          log.started(name, entryId, deliveryCount);
          const commit = (isGood: boolean): void => {
            const key = effectsKeyOf(stream);
            try {
              event.commit((tx) => tx.hincrby(key, entryId, 1));
              if (!isGood) event.commit((tx) => tx.incrby(key, 1));
              resolve();
            } catch (error) {
              reject(error instanceof Error ? error : new Error(String(error))); // Its time was up, or its entry was lost.
            }
          };
          this.running.push({
            ...{ id: entryId, count: deliveryCount, isLate: false },
            succeed: resolve,
            commit,
            fail: reject,
          });
        }),
      hook: () => undefined,
      arbiter: () => undefined,
      onFailure: () => undefined,
    });
    const { consumer, settler, provenance, unread } = this.delivery;
    const parts = { ...shared, consumer, settler, provenance, unread, onFailure: () => undefined };
    this.suspects = new SuspectRunner({ ...parts, takeOn: (claim) => this.recovery.takeOn(claim) });
    this.recovery = new StreamRecovery({ ...parts, suspects: this.suspects });
  }

  start(): void {
    void this.delivery.loop.start();
  }

  recover(): void {
    if (this.isClosing) return;
    this.recovering ??= this.recovery
      .runOnce()
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => (this.recovering = undefined));
  }

  trim(): void {
    void this.broker.trim(this.world.stream, { maxAgeMs: 0, maxEntries: 0 });
  }

  /** Lets the time of all running handlers be up. */
  expire(): void {
    for (const handler of this.running) handler.isLate = true;
    this.delivery.consumer.expire(0);
  }

  shutDown(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    void this.drain();
  }

  /** What has not ended by now is left as it is. */
  endGrace(): void {
    void this.suspects.absolve().then(() => this.vanish());
  }

  /** Nothing that it holds is of any use any more. */
  vanish(): void {
    this.isGone = true;
    this.commands.end();
    this.reads.end();
    this.reader?.close();
    this.delivery.consumer.stopTaking();
    this.delivery.end(new Error('crashed'));
    this.running = [];
  }

  /** As the transport does it when the service is told to end. */
  private async drain(): Promise<void> {
    await this.delivery.stopReading();
    await this.recovering;
    await this.suspects.idle();
    await this.delivery.consumer.idle();
    this.delivery.end(new Error('shut down'));
    await this.broker.reapConsumer(this.world.stream, this.name, 0);
    this.isGone = true;
  }

  /** Reads have a connection of their own. */
  private readingOver(linked: StreamBroker, bare: StreamBroker): StreamBroker {
    const openReader = (stream: string): StreamReader => {
      this.reader = bare.openReader(stream);
      return over(this.reader, this.reads);
    };
    return new Proxy(linked, {
      get: (target, name) => (name === 'openReader' ? openReader : (Reflect.get(target, name) as unknown)),
    });
  }
}
