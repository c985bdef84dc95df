import { randomUUID } from 'node:crypto';
import { idRange, type DeadLetterFilter } from './dead-letter-filter.js';
import type { DeadLetters, Operator } from './dead-letters.js';
import { fieldsOfJob, jobOf, type ReplayJob } from './replay-job.js';
import { ReplayRunner } from './replay-runner.js';

/** What a job is to do. */
export interface ReplayJobRequest extends Operator {
  /** Which dead letters go back; an empty filter means all of them. */
  readonly filter: DeadLetterFilter;
  /** Dead letters that go back in a second, 1 to 10,000. Too many at once overrun what handles them. */
  readonly ratePerSecond: number;
}

/** How a start ended: with the new job, or with the one that runs already. */
export type JobStart = { readonly started: ReplayJob } | { readonly busy: string };

/**
 * Replays of many dead letters of one stream, one job at a time. A job is kept in Redis and carried out by whichever
 * process holds its lease, so it goes on when that process ends; `run` offers this process for it.
 *
 * @example
 * ```ts
 * const jobs = new ReplayJobs(deadLetters);
 * jobs.run();
 * const start = await jobs.start({ filter: { reason: 'retries-exhausted' }, ratePerSecond: 50, by: 'anna' });
 * if ('busy' in start) throw new Error(`Job ${start.busy} is not done yet`);
 * ```
 */
export class ReplayJobs {
  private readonly runner: ReplayRunner;

  /** @param deadLetters - whose they are; it must stay open until `close` has ended */
  constructor(private readonly deadLetters: DeadLetters) {
    this.runner = new ReplayRunner(deadLetters);
  }

  /** Carries jobs out in this process from now on, also such as were begun elsewhere and left. */
  run(): void {
    this.runner.start();
  }

  /**
   * Begins a job. Dead letters that are written later are not meant, so what fails again is not replayed for ever.
   *
   * @throws RedisUnavailableError when Redis does not answer in time
   */
  async start({ filter, ratePerSecond, by, reason }: ReplayJobRequest): Promise<JobStart> {
    const { store } = this.deadLetters;
    const { lowest, highest } = idRange(filter);
    const [newest] = await store.readDown(highest, '-', 1);
    const { count, complete } = await this.deadLetters.count(filter);
    const fields = fieldsOfJob({
      ...{ filter, ratePerSecond, by, total: count, isTotalComplete: complete },
      ...{ replayed: 0, repeated: 0, skipped: 0, foreign: 0, startedAt: new Date().toISOString() },
      ...{ cursor: lowest, bound: newest?.id ?? '0-1' },
    });
    const id = randomUUID();
    const { filter: filterText = '' } = fields;
    const audit = {
      ...{
        action: 'start-replay-job',
        by,
        job: id,
        filter: filterText,
        ratePerSecond: String(ratePerSecond),
      },
      ...{ total: String(count), ...(reason !== undefined && { reason }) },
    };
    const busy = await store.startJob(id, fields, audit);
    if (busy !== undefined) return { busy };
    this.runner.wake();
    return { started: { ...jobOf(fields), ...(await this.find(id)) } as ReplayJob };
  }

  /** The job that runs, or the last one that did; undefined when there never was one. */
  async current(): Promise<ReplayJob | undefined> {
    return jobOf(await this.deadLetters.store.readJob());
  }

  /** The job with this id, if it is the current one. */
  async find(id: string): Promise<ReplayJob | undefined> {
    const job = await this.current();
    return job?.id === id ? job : undefined;
  }

  /** Ends a job: from the answer on, it replays nothing more. @returns the job as it stands then, if it is the current one */
  async cancel(id: string, { by, reason }: Operator): Promise<ReplayJob | undefined> {
    const audit = { action: 'cancel-replay-job', by, job: id, ...(reason !== undefined && { reason }) };
    await this.deadLetters.store.endJob(id, 'cancelled', new Date().toISOString(), audit);
    return this.find(id);
  }

  /** Stops carrying jobs out here; what runs goes on elsewhere, or when a process offers itself. */
  close(): Promise<void> {
    return this.runner.stop();
  }
}
