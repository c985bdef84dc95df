import { randomUUID } from 'node:crypto';
import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import {
  helperKeyOf,
  RedisStreamsServer,
  subscribeToChannel,
  type CommandSender,
} from '../../transport/index.js';
import { ActivityWindow, sumOf, type Activity, type ActivityRow } from './activity-window.js';
import { DASHBOARD_OPTIONS, type DashboardOptions } from './dashboard-options.js';
import { tickOf } from './tick.js';

const TICK_MS = 2_000;
/** More processes than this are not distinguished in memory. */
const MOST_PROCESSES = 1_000;

/**
 * What all processes did in the last minutes. Each publishes its own counts, whether anybody listens or not; one
 * listens only while somebody looks. Pub/Sub loses what is sent while the link is down, and here that costs nothing:
 * every tick holds all of it.
 */
@Injectable()
export class ReplicaActivity implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ReplicaActivity.name);
  private readonly process = randomUUID();
  private readonly own = new ActivityWindow();
  private readonly others = new Map<string, readonly ActivityRow[]>();
  private timer: NodeJS.Timeout | undefined;
  private isPublishing = false;
  private isExplained = false;
  private endSubscription: (() => void) | undefined;

  constructor(
    private readonly server: RedisStreamsServer,
    @Inject(DASHBOARD_OPTIONS) private readonly options: DashboardOptions,
  ) {
    server.on('processed', () => this.own.add('handled', Date.now()));
    server.on('retry-scheduled', () => this.own.add('retried', Date.now()));
    server.on('dead-lettered', () => this.own.add('deadLettered', Date.now()));
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.publish(), TICK_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
    this.stopListening();
  }

  /** Of all processes, for each activity one number for each bucket, the oldest first. */
  sums(ms: number): Record<Activity, number[]> {
    return sumOf([this.own.rows(ms), ...this.others.values()], ms);
  }

  /** Hears the other processes from now on. */
  listen(): void {
    if (this.endSubscription || this.server.consumed.length === 0) return;
    this.endSubscription = subscribeToChannel(this.options.connection, this.channel(), {
      onMessage: (message) => this.hear(message),
      onRefused: (error) => this.explain(error),
    });
  }

  stopListening(): void {
    this.endSubscription?.();
    this.endSubscription = undefined;
    this.others.clear();
  }

  private hear(message: string): void {
    const tick = tickOf(message);
    if (!tick || tick.process === this.process) return;
    this.others.delete(tick.process);
    this.others.set(tick.process, tick.rows);
    const [longestSilent] = this.others.keys();
    if (this.others.size > MOST_PROCESSES && longestSilent !== undefined) this.others.delete(longestSilent);
  }

  /** While Redis is unavailable the transport keeps what it is given, so there is never more than one tick under way. */
  private async publish(): Promise<void> {
    const rows = this.own.rows(Date.now());
    if (this.isPublishing || rows.length === 0 || this.server.consumed.length === 0) return;
    this.isPublishing = true;
    try {
      const tick = JSON.stringify({ process: this.process, rows });
      await this.server.unwrap<CommandSender>().call('PUBLISH', this.channel(), tick);
    } catch (error) {
      if (String(error).includes('NOPERM')) clearInterval(this.timer);
      this.explain(error);
    } finally {
      this.isPublishing = false;
    }
  }

  private explain(error: unknown): void {
    if (this.isExplained || !String(error).includes('NOPERM')) return;
    this.isExplained = true;
    this.logger.warn(
      `The dashboard shows of each process only what it did itself: the user of Redis needs +publish, +subscribe and &${this.channel()}`,
    );
  }

  private channel(): string {
    return helperKeyOf(this.server.streamKey(this.options.pattern), '@dashboard');
  }
}
