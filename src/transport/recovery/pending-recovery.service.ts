import { Logger } from '@nestjs/common';
import type { SchedulerRegistry } from '@nestjs/schedule';
import { noRecoveries, sumOf, type RecoveryCounts } from './recovery-counts.js';

/** What the service runs: the recovery of each stream. */
export interface Recoverable {
  runOnce(): Promise<RecoveryCounts>;
}

/**
 * Brings entries that nobody works on their way again, on a schedule: delivers what is due for retry, takes over what
 * silent consumers left, dead-letters what kills its processes, and keeps waiting list, floor and consumers in order.
 *
 * Any number of processes may run it side by side.
 */
export class PendingRecoveryService {
  private readonly logger = new Logger(PendingRecoveryService.name);
  private current: Promise<RecoveryCounts> | undefined;
  private lastSuccess: number | undefined;
  private registry: SchedulerRegistry | undefined;

  /**
   * @param streams - what to run; empty until the transport listens
   * @param intervalMs - milliseconds between the begins of two runs
   */
  constructor(
    private readonly streams: () => readonly Recoverable[],
    private readonly intervalMs: number,
    /** The name under which the schedule stands in Nest's registry. */
    readonly scheduleName: string,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Begins to run on schedule; the registry shows it to whoever asks Nest what is scheduled. */
  start(registry: SchedulerRegistry): void {
    this.registry = registry;
    this.lastSuccess = performance.now();
    registry.addInterval(
      this.scheduleName,
      setInterval(() => void this.runOnce(), this.intervalMs),
    );
  }

  /** Ends the schedule, and resolves when a run in progress is over. */
  async stop(): Promise<void> {
    if (this.registry?.doesExist('interval', this.scheduleName))
      this.registry.deleteInterval(this.scheduleName);
    await this.current;
  }

  /** Runs once; while a run is in progress, joins it. Never rejects: a failure is logged, and the next run tries on. */
  runOnce(): Promise<RecoveryCounts> {
    this.current ??= this.run().finally(() => {
      this.current = undefined;
    });
    return this.current;
  }

  /** Milliseconds since the last run that succeeded for all streams, or since the start; undefined before it. */
  get silentForMs(): number | undefined {
    return this.lastSuccess === undefined ? undefined : performance.now() - this.lastSuccess;
  }

  private async run(): Promise<RecoveryCounts> {
    const runs = await Promise.allSettled(this.streams().map((stream) => stream.runOnce()));
    const failures = runs.filter((run) => run.status === 'rejected');
    for (const { reason } of failures) this.onFailure(reason);
    if (failures.length === 0) this.lastSuccess = performance.now();
    const sum = sumOf(runs.map((run) => (run.status === 'fulfilled' ? run.value : noRecoveries())));
    const told = Object.entries(sum).filter(([, count]) => count > 0);
    if (told.length > 0) this.logger.debug(`Recovery: ${told.map(([name, n]) => `${name} ${n}`).join(', ')}`);
    return sum;
  }
}
