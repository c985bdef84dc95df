import { Server } from '@nestjs/microservices';
import { SchedulerRegistry } from '@nestjs/schedule';
import { isCluster } from '../redis/links/connection-options.js';
import { saidOnce } from '../redis/fast/paths.js';
import type { DeadLetterArbiter, SettlementHook } from '../lifecycle/application-hooks.js';
import type { LostEntries } from '../lifecycle/unread.js';
import { logEvents } from '../observe/event-log.js';
import { reportStatus, type RedisStreamsStatus } from '../observe/link-status.js';
import { Observers } from '../observe/observers.js';
import { TransportLog } from '../observe/log.js';
import { checkStandIn } from '../observe/trace-context.js';
import type { TransportEvents } from '../observe/transport-events.js';
import { deadLetterKeyOf, streamKeyOf } from '../entry/names.js';
import { PendingRecoveryService } from './pending-recovery.service.js';
import type { AroundProcessing } from './event-dispatcher.js';
import { captureExceptions } from './internals/exception-capture.js';
import { sparePipelessParams } from './internals/pipeless-params.js';
import { RedisStreamsContext } from './redis-streams.context.js';
import { routesOf } from './routes.js';
import { remainderLines, ServerLog } from './log-lines.js';
import { RunningTransport } from './running-transport.js';
import {
  resolveServerOptions,
  type RedisStreamsServerOptions,
  type ResolvedServerOptions,
} from './server-options.js';
import { REDIS_STREAMS_TRANSPORT } from './transport-id.js';
import { checkTransportHealth, isWedged, NOT_LISTENING, type TransportHealth } from './transport-health.js';

/** How long a start waits for Redis before it goes on without, in milliseconds. */
const START_LIMIT_MS = 3_000;

/** A stream that this process consumes. */
export interface ConsumedStream {
  /** The pattern of its handler. */
  readonly pattern: string;
  /** The key of the stream. */
  readonly stream: string;
  /** The consumer group. */
  readonly group: string;
  /** The name of this process in the group. */
  readonly consumer: string;
  /** Entries that were given to a handler and are not settled yet. */
  readonly inFlight: number;
  /** For how many milliseconds entries have waited while every slot of the pattern was taken; 0 where one is free. */
  readonly exhaustedForMs: number;
  /** Entries that were lost before the group was given them; absent where none were. */
  readonly lost?: LostEntries;
}

/** Nest leaves it unset until somebody sets it, whatever its type says. */
type EndHook = (transportId: symbol, context: RedisStreamsContext) => void;

/**
 * Custom transport strategy that feeds `@EventPattern` handlers from Redis Streams through one consumer group.
 *
 * An entry is acknowledged when its handler has finished. One whose handler failed is tried again after a delay, and
 * goes to the dead-letter stream when its retries are used up or its error is final.
 *
 * @example
 * ```ts
 * const strategy = new RedisStreamsServer({ connection: { url: 'redis://localhost:6379' }, group: 'order-group' });
 * const app = await NestFactory.createMicroservice(AppModule, { strategy });
 * await app.listen();
 * ```
 */
export class RedisStreamsServer extends Server<
  Pick<TransportEvents, keyof TransportEvents>,
  RedisStreamsStatus
> {
  /** What a handler names to be served by this transport alone: `@EventPattern('orders', REDIS_STREAMS_TRANSPORT)`. */
  override readonly transportId = REDIS_STREAMS_TRANSPORT;
  /** Failures reach this transport, which reports them itself. */
  override readonly propagatesEventHandlerErrors = true;
  /** Finds entries that nobody works on; runs while the transport listens. */
  readonly recovery: PendingRecoveryService;
  private readonly options: ResolvedServerOptions;
  private readonly log: ServerLog;
  private readonly observers = new Observers((error) => this.log.listenerFailed(error));
  private readonly onMisfit = saidOnce((level, line) => this.log.write(level, line));
  private registry = new SchedulerRegistry();
  private running: RunningTransport | undefined;
  private closing: Promise<void> | undefined;
  private hook: SettlementHook | undefined;
  private arbiter: DeadLetterArbiter | undefined;
  private hasProcessingHooks = false;

  /** @throws InvalidOptionError when an option cannot work */
  constructor(options: RedisStreamsServerOptions) {
    super();
    this.options = resolveServerOptions(options);
    const { connection, log } = this.options;
    this.log = new ServerLog(new TransportLog(log.level, RedisStreamsServer.name));
    sparePipelessParams(this.onMisfit);
    this.recovery = new PendingRecoveryService(
      () => this.running?.recoveries ?? [],
      this.options.recoveryIntervalMs,
      `order-streams:recovery:${this.options.consumer}`,
      (error) => this.log.recoveryFailed(error),
      (summary) => this.log.recovered(summary),
    );
    logEvents(this, {
      lines: this.log.lines,
      except: log.except,
      deadLetterKeyOf: (stream) => deadLetterKeyOf(stream, isCluster(connection)),
    });
  }

  /**
   * Starts reading. Does not fail when Redis is unavailable: it goes on in the background, and `checkHealth` says so.
   *
   * @throws UnsupportedPatternError or InvalidOptionError, through the callback, when handlers cannot be served
   */
  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      callback(error);
      return;
    }
    callback();
  }

  /**
   * Stops reading, hands back what was not started, lets handlers finish within `shutdownGraceMs`, and disconnects.
   * What has not finished stays pending. Safe to call more than once.
   */
  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  /**
   * Registers an observer of deliveries; see {@link TransportEvents}. It is called at once, and what it throws is logged.
   *
   * @example
   * ```ts
   * server.on('dead-lettered', ({ stream, entryId, reason }) => alert(`${stream} ${entryId}: ${reason}`));
   * ```
   */
  on<K extends keyof TransportEvents, Callback extends TransportEvents[K]>(
    event: K,
    callback: Callback,
  ): void {
    this.observers.add(event, callback);
  }

  /** Adds Redis writes of the application to the steps that park and dead-letter entries. */
  setSettlementHook(hook: SettlementHook): void {
    this.hook = hook;
  }

  /** Lets the application decide, before an entry is dead-lettered, whether it may be; see {@link DeadLetterArbiter}. */
  setDeadLetterArbiter(arbiter: DeadLetterArbiter): void {
    this.arbiter = arbiter;
  }

  /** Shows the schedule of the recovery in this registry, when it starts to listen. */
  useSchedulerRegistry(registry: SchedulerRegistry): void {
    this.registry = registry;
  }

  /** The connection for commands: an `ioredis` client. Do not block it. */
  unwrap<T>(): T {
    if (!this.running) throw new Error('Not initialized. Call "listen" or "startAllMicroservices" first.');
    return this.running.broker.commands as T;
  }

  /** Whether the transport does its work; settles within three seconds whatever Redis does. */
  async checkHealth(): Promise<TransportHealth> {
    if (!this.running || this.closing) return NOT_LISTENING;
    return checkTransportHealth(this.running, this.recovery);
  }

  /** The streams that handlers of this process are given entries of; none before the transport listens. */
  get consumed(): readonly ConsumedStream[] {
    return (this.running?.workers ?? []).map(({ source, inFlight, unread }) => ({
      pattern: source.pattern,
      stream: source.stream,
      group: source.group,
      consumer: source.consumer,
      inFlight: inFlight.inFlight,
      exhaustedForMs: inFlight.share.exhaustedForMs,
      ...(unread.lost && { lost: unread.lost }),
    }));
  }

  /** The stream key that a pattern stands for. */
  streamKey(pattern: string): string {
    return streamKeyOf(pattern, {
      streams: this.options.streams,
      cluster: isCluster(this.options.connection),
    });
  }

  /** Whether enough handlers ignore their timeout that this process should be replaced. */
  get isExhausted(): boolean {
    const overdue =
      this.running?.workers.reduce((sum, { inFlight }) => sum + inFlight.overdueHandlers, 0) ?? 0;
    return overdue > this.options.maxInFlight;
  }

  /** Whether reading stands still for a reason that is not Redis, so that this process should be replaced. */
  get isWedged(): boolean {
    return isWedged(this.running?.workers ?? []);
  }

  /** As in Nest: called with each delivery before its handler. */
  override setOnProcessingStartHook(hook: Parameters<Server['setOnProcessingStartHook']>[0]): void {
    super.setOnProcessingStartHook(hook);
    this.hasProcessingHooks = true;
  }

  /** As in Nest: called with each delivery after its handler. */
  override setOnProcessingEndHook(hook: Parameters<Server['setOnProcessingEndHook']>[0]): void {
    super.setOnProcessingEndHook(hook);
    this.hasProcessingHooks = true;
  }

  private async start(): Promise<void> {
    const routes = routesOf(this.messageHandlers, this.options, this.aroundProcessing(), (pattern) =>
      this.log.write(
        'warn',
        `@MessagePattern("${pattern}") is not served: this transport carries events only`,
      ),
    );
    checkStandIn('delivery', this.onMisfit);
    // Another copy of this package captures for its own contexts.
    const { prototype } = RedisStreamsContext;
    await captureExceptions(
      (context) => Object.prototype.isPrototypeOf.call(prototype, context),
      this.onMisfit,
    );
    if (routes.length > this.options.maxInFlight) {
      this.log.write(
        'warn',
        `maxInFlight ${this.options.maxInFlight} is less than the ${routes.length} patterns: a handler that hangs can stop the others`,
      );
    }
    if (this.isClosing()) return;
    this.running = new RunningTransport(this.options, routes, {
      observers: this.observers,
      hook: () => this.hook,
      arbiter: () => this.arbiter,
      onFailure: (stream, failure, error) => this.log.streamFailed(stream, failure, error),
      onMisfit: this.onMisfit,
    });
    reportStatus(this.running.broker.commands, this._status$);
    const inTime = await this.running.start(START_LIMIT_MS);
    if (!inTime) {
      const { trouble } = this.running.broker;
      const why = trouble === undefined ? '' : ` (${trouble})`;
      this.log.write('warn', `Redis is not ready yet${why}; reading begins as soon as it is`);
    }
    if (!this.isClosing()) this.recovery.start(this.registry);
    void this.log.warnOfLoss(this.running.broker);
  }

  private isClosing(): boolean {
    return this.closing !== undefined;
  }

  private aroundProcessing(): AroundProcessing | undefined {
    if (!this.hasProcessingHooks) return undefined;
    // A start hook may lose the promise of what it calls, so the outcome is kept apart from it.
    return (context, run) =>
      new Promise((resolve, reject) => {
        const done = (): Promise<void> =>
          run()
            .then(resolve, reject)
            .finally(() => (this.onProcessingEndHook as EndHook | undefined)?.(this.transportId, context));
        const startHook = this.onProcessingStartHook as (...args: unknown[]) => unknown;
        Promise.resolve(startHook(this.transportId, context, done)).catch(reject);
      });
  }

  private async stop(): Promise<void> {
    const stopped = this.recovery.stop();
    const left = await this.running?.close(this.options.shutdownGraceMs, stopped);
    for (const line of left ? remainderLines(left) : []) this.log.write('warn', line);
    await stopped;
    this.log.lines.flush();
  }
}
