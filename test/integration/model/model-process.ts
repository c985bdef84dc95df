import type { StreamBroker, StreamReader } from '../../support/broker-port.js';
import type { StreamWorld } from '../../support/stream-world.js';
import type { Application } from './application.js';
import { ModelDelivery, type GivenEvent } from './delivery-adapter.js';
import type { KeyTable } from './key-table.js';
import { Link, over } from './link.js';
import type { Settings } from './settings.js';

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

/** Who keeps account of a process's handlers, and of the events that its transport emits. */
export interface HandlerLog {
  started(consumer: string, id: string, count: number): void;
  endedWell(consumer: string, id: string, count: number, hasEffects: boolean): void;
  observed(consumer: string, name: string, event: object): void;
}

/** Puts something between a process and its broker. */
export type BrokerWrap = (broker: StreamBroker, link: Link, bare: StreamBroker) => StreamBroker;

/** What the processes of one schedule share. */
export interface Shared {
  readonly world: StreamWorld;
  readonly settings: Settings;
  readonly application: Application;
  readonly keyTable: KeyTable;
  readonly wrap: BrokerWrap;
  readonly log: HandlerLog;
}

/** One process of the service: its links to Redis, its delivery, and the handlers that run in it. */
export class ModelProcess {
  readonly commands = new Link();
  readonly reads = new Link();
  readonly delivery: ModelDelivery;
  running: RunningHandler[] = [];
  isFrozen = false;
  isGone = false;
  isClosing = false;
  private reader: StreamReader | undefined;
  private recovering: Promise<void> | undefined;
  private readonly broker: StreamBroker;

  constructor(
    readonly name: string,
    private readonly shared: Shared,
  ) {
    const { world, settings, application, keyTable, wrap, log } = shared;
    const bare = world.broker(name);
    this.broker = wrap(this.readingOver(over(bare, this.commands), bare), this.commands, bare);
    this.delivery = new ModelDelivery({
      ...{ stream: world.stream, consumer: name, broker: this.broker, settings, application },
      keyTable: settings.hasKeyTable ? keyTable.storeOf(name, this.commands) : undefined,
      handle: (event) => this.handle(event),
      onEvent: (event, about) => log.observed(name, event, about),
    });
  }

  start(): void {
    this.delivery.start();
  }

  recover(): void {
    if (this.isClosing) return;
    this.recovering ??= this.delivery
      .recover()
      .catch(() => undefined)
      .finally(() => (this.recovering = undefined));
  }

  trim(): void {
    void this.broker.trim(this.shared.world.stream, { maxAgeMs: 0, maxEntries: 0 });
  }

  /** Lets the time of all running handlers be up. */
  expire(): void {
    for (const handler of this.running) handler.isLate = true;
    this.delivery.expire();
  }

  shutDown(): void {
    if (this.isClosing) return;
    this.isClosing = true;
    void this.drain();
  }

  /** What has not ended by now is left as it is. */
  endGrace(): void {
    void this.delivery.absolve().then(() => this.vanish());
  }

  /** Nothing that it holds is of any use any more. */
  vanish(): void {
    this.isGone = true;
    this.commands.end();
    this.reads.end();
    this.reader?.close();
    this.shared.keyTable.disconnect(this.name);
    this.delivery.stopTaking();
    this.delivery.end(new Error('crashed'));
    this.running = [];
  }

  /** As the transport does it when the service is told to end. */
  private async drain(): Promise<void> {
    await this.delivery.stopReading();
    await this.recovering;
    await this.delivery.idle();
    this.delivery.end(new Error('shut down'));
    await this.broker.reapConsumer(this.shared.world.stream, this.name, 0);
    this.isGone = true;
  }

  private handle(event: GivenEvent): Promise<void> {
    const { application, log } = this.shared;
    const { entryId: id, deliveryCount: count } = event;
    log.started(this.name, id, count);
    return new Promise((resolve, reject) => {
      const commit = (isGood: boolean): void => {
        try {
          application.commit(event, isGood);
          if (isGood) log.endedWell(this.name, id, count, true);
          resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error))); // Its time was up, or its entry was lost.
        }
      };
      const succeed = (): void => {
        log.endedWell(this.name, id, count, false);
        resolve();
      };
      this.running.push({ id, count, isLate: false, succeed, commit, fail: reject });
    });
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
