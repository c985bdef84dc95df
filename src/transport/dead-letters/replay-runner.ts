import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { TakingOut } from '../redis/broker/redis-dead-letters.js';
import { readDeadLetter, type DeadLetter } from '../entry/dead-letter.js';
import { isMeant } from './dead-letter-filter.js';
import type { DeadLetters } from './dead-letters.js';
import { jobOf, type ReplayJob } from './replay-job.js';

/** What was not used for longer than this is not made up for, in milliseconds. */
const LONGEST_CREDIT_MS = 250;

/** Spreads steps evenly over time. The clock is handed in. */
export class Pace {
  private readonly intervalMs: number;
  private nextAt: number;

  constructor(
    perSecond: number,
    private readonly now: () => number,
  ) {
    this.intervalMs = 1000 / perSecond;
    this.nextAt = now();
  }

  /** Takes as many of the wanted steps as may be made now. */
  take(wanted: number): number {
    const now = this.now();
    this.nextAt = Math.max(this.nextAt, now - LONGEST_CREDIT_MS);
    if (this.nextAt > now) return 0;
    const allowed = Math.min(wanted, Math.floor((now - this.nextAt) / this.intervalMs) + 1);
    this.nextAt += allowed * this.intervalMs;
    return allowed;
  }

  /** Milliseconds until the next step. */
  waitMs(): number {
    return Math.max(0, this.nextAt - this.now());
  }
}

/** How often a process looks for a job, in milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** After this many milliseconds of silence of the process that carries a job out, another one takes it over. */
const LEASE_MS = 5_000;
/** Longest time between two renewals of the lease, in milliseconds. */
const RENEW_MS = LEASE_MS / 3;
/** How long a stop waits for an answer of Redis that is under way, in milliseconds. */
const STOP_LIMIT_MS = 1_000;
/** Dead letters that are read at once, and most that are under way at once. */
const PAGE = 100;
/** Waiting between two small portions costs less than one round trip for each dead letter. */
const LEAST_WAIT_MS = 10;

/** Carries out the job of one stream, while this process holds the lease. */
export class ReplayRunner {
  private readonly holder = randomUUID();
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private wakeUp: AbortController | undefined;
  private renewedAt = -Infinity;

  constructor(private readonly deadLetters: DeadLetters) {}

  start(): void {
    this.running ??= this.loop();
  }

  /** Looks for a job now. */
  wake(): void {
    this.wakeUp?.abort();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await Promise.race([this.running, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
  }

  private async loop(): Promise<void> {
    while (!this.isStopping()) {
      let job: ReplayJob | undefined;
      try {
        job = jobOf(await this.deadLetters.store.readJob());
        if (job?.state === 'running' && (await this.holdLease())) await this.carryOut(job);
      } catch (error) {
        if (job) await this.reportProblem(job.id, error);
      }
      await this.pause(LOOK_EVERY_MS);
    }
    await this.giveLeaseBack();
  }

  /** From where the job stands to its end, unless it is ended or taken away meanwhile. */
  private async carryOut(job: ReplayJob): Promise<void> {
    const { store } = this.deadLetters;
    const pace = new Pace(job.ratePerSecond, () => performance.now());
    let { cursor } = job;
    while (!this.isStopping()) {
      const page = await store.readUp(cursor, job.bound, PAGE);
      const last = page.at(-1);
      if (!last) return this.end(job);
      const meant = page
        .map(({ id, fields, foreign, truncation }) => readDeadLetter(id, fields, foreign, truncation))
        .filter((letter) => isMeant(job.filter, letter));
      const left = await this.replayAll(meant, job, pace);
      if (left === undefined) return;
      const next = `(${last.id}`;
      if (!(await store.advanceJob(job.id, cursor, next, left))) return;
      cursor = next;
    }
  }

  /** @returns how many were not replayed, and how many of these are foreign; undefined when the job does not go on here */
  private async replayAll(
    letters: readonly DeadLetter[],
    job: ReplayJob,
    pace: Pace,
  ): Promise<{ skipped: number; foreign: number } | undefined> {
    const left = { skipped: 0, foreign: 0 };
    for (let at = 0; at < letters.length;) {
      if (this.isStopping() || !(await this.holdLease())) return undefined;
      const portion = letters.slice(at, at + pace.take(letters.length - at));
      at += portion.length;
      const outcomes = await Promise.all(
        portion.map((letter) => this.deadLetters.replayInJob(letter, job.id, job.by)),
      );
      if (outcomes.includes('stopped')) return undefined;
      left.skipped += outcomes.filter((outcome: TakingOut) => outcome !== 'done').length;
      left.foreign += outcomes.filter((outcome: TakingOut) => outcome === 'foreign').length;
      if (at < letters.length || portion.length === 0) {
        await this.pause(Math.min(Math.max(pace.waitMs(), LEAST_WAIT_MS), RENEW_MS));
      }
    }
    return left;
  }

  private async end({ id, by }: ReplayJob): Promise<void> {
    const audit = { action: 'end-replay-job', by, job: id };
    await this.deadLetters.store.endJob(id, 'done', new Date().toISOString(), audit);
  }

  private async holdLease(): Promise<boolean> {
    if (performance.now() - this.renewedAt < RENEW_MS) return true;
    const isHeld = await this.deadLetters.store.holdLease(this.holder, LEASE_MS);
    this.renewedAt = isHeld ? performance.now() : -Infinity;
    return isHeld;
  }

  /** Another process need not wait then until the lease runs out. */
  private async giveLeaseBack(): Promise<void> {
    if (this.renewedAt === -Infinity) return;
    await this.deadLetters.store.holdLease(this.holder, 0).catch(() => undefined);
  }

  private async reportProblem(id: string, error: unknown): Promise<void> {
    const problem = error instanceof Error ? error.message : String(error);
    await this.deadLetters.store.reportProblem(id, problem).catch(() => undefined);
  }

  private async pause(ms: number): Promise<void> {
    if (this.isStopping()) return;
    this.wakeUp = new AbortController();
    await delay(ms, undefined, { signal: this.wakeUp.signal }).catch(() => undefined);
  }

  private isStopping(): boolean {
    return this.stopping.signal.aborted;
  }
}
