import { inOwnContext } from '../observe/own-context.js';
import type { SchedulerRegistry } from '@nestjs/schedule';
import { noRecoveries, sumOf, type RecoveryCounts } from '../lifecycle/recover.js';

/** How much later than its time a run may begin, in milliseconds. */
const LATE_MS = 3_000;
/** How long one run may take, in milliseconds: what it does is bounded, and Redis answers or is unavailable. */
const LONGEST_RUN_MS = 30_000;
/** One failed run may be a link that broke, or a group that is made again. */
const FAILED_RUNS = 2;

/** Why the recovery does not do its work. */
export type RecoveryTrouble = 'not-running' | 'too-slow' | 'failing';

/** What the service runs: the recovery of each stream. */
export interface Recoverable {
  runOnce(): Promise<RecoveryCounts>;
  /** Whether the last run found more to do than its time was enough for, and got on with it. */
  readonly hasMore?: boolean;
}

/**
 * Brings entries that nobody works on their way again, on a schedule: delivers what is due for retry, takes over what
 * silent consumers left, dead-letters what kills its processes, and keeps waiting list, floor and consumers in order.
 *
 * Any number of processes may run it side by side.
 */
export class PendingRecoveryService {
  private current: Promise<RecoveryCounts> | undefined;
  private lastBegin: number | undefined;
  private failedRuns = 0;
  private succeededAt: Date | undefined;
  private registry: SchedulerRegistry | undefined;

  /**
   * @param streams - what to run; empty until the transport listens
   * @param intervalMs - milliseconds between the begins of two runs
   * @internal
   */
  constructor(
    private readonly streams: () => readonly Recoverable[],
    private readonly intervalMs: number,
    /** The name under which the schedule stands in Nest's registry. */
    readonly scheduleName: string,
    private readonly onFailure: (error: unknown) => void,
    /** Given what a run did, in words, unless it found nothing to do. */
    private readonly onDone: (summary: string) => void = () => undefined,
  ) {}

  /** Begins to run on schedule; the registry shows it to whoever asks Nest what is scheduled. */
  start(registry: SchedulerRegistry): void {
    this.registry = registry;
    this.lastBegin = performance.now();
    registry.addInterval(
      this.scheduleName,
      setInterval(() => void this.runUntilDone(), this.intervalMs),
    );
  }

  /** Ends the schedule, and resolves when a run in progress is over. */
  async stop(): Promise<void> {
    if (this.isScheduled) this.registry?.deleteInterval(this.scheduleName);
    await this.current;
  }

  /** Runs once; while a run is in progress, joins it. Never rejects: a failure is logged, and the next run tries on. */
  runOnce(): Promise<RecoveryCounts> {
    this.current ??= inOwnContext(() => this.run()).finally(() => {
      this.current = undefined;
    });
    return this.current;
  }

  /** When a run last succeeded for all streams, by the clock of this process. */
  get lastSuccessAt(): Date | undefined {
    return this.succeededAt;
  }

  /** Why it does not do its work, if it does not; undefined before it was started. */
  get trouble(): RecoveryTrouble | undefined {
    if (this.lastBegin === undefined) return undefined;
    const sinceMs = performance.now() - this.lastBegin;
    if (this.current) return sinceMs > LONGEST_RUN_MS ? 'too-slow' : this.failing();
    return sinceMs > this.intervalMs + LATE_MS ? 'not-running' : this.failing();
  }

  private get isScheduled(): boolean {
    return this.registry?.doesExist('interval', this.scheduleName) === true;
  }

  /** What a run had no time for must not wait for the next one's time. */
  private async runUntilDone(): Promise<void> {
    if (this.current) return;
    do await this.runOnce();
    while (this.isScheduled && this.streams().some(({ hasMore }) => hasMore));
  }

  private failing(): RecoveryTrouble | undefined {
    return this.failedRuns >= FAILED_RUNS ? 'failing' : undefined;
  }

  private async run(): Promise<RecoveryCounts> {
    this.lastBegin = performance.now();
    const runs = await Promise.allSettled(this.streams().map((stream) => stream.runOnce()));
    const failures = runs.filter((run) => run.status === 'rejected');
    for (const { reason } of failures) this.onFailure(reason);
    this.failedRuns = failures.length === 0 ? 0 : this.failedRuns + 1;
    if (failures.length === 0) this.succeededAt = new Date();
    const sum = sumOf(runs.map((run) => (run.status === 'fulfilled' ? run.value : noRecoveries())));
    const counted = Object.entries(sum).filter(([, count]) => count > 0);
    if (counted.length > 0) this.onDone(counted.map(([name, n]) => `${name} ${n}`).join(', '));
    return sum;
  }
}
