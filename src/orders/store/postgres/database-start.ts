import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DatabaseStartError, isRefusal, reasonOf } from './database-start.error.js';

/** A start waits this long for the first try; what takes longer goes on at the same time, in milliseconds. */
const FIRST_TRY_MS = 5_000;
const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** One and the same reason is said again after so long, in milliseconds. */
const SAY_AGAIN_MS = 60_000;

/** Brings a database to where orders can be kept in it: at once, or as soon as it is there. */
export class DatabaseStart {
  /** Resolves when orders can be kept; stays pending when it is stopped before. */
  readonly ready: Promise<void>;
  private readonly logger = new Logger('PostgreSQL');
  private readonly stopping = new AbortController();
  private done = false;
  private said: { reason: string; at: number } | undefined;
  private setReady = (): void => undefined;

  /** @param prepare - one try; it may be made again after it failed */
  constructor(private readonly prepare: () => Promise<void>) {
    this.ready = new Promise((resolve) => {
      this.setReady = resolve;
    });
  }

  get isReady(): boolean {
    return this.done;
  }

  /**
   * Tries once, and goes on in the background while the database is unavailable.
   *
   * @throws DatabaseStartError when it is there and refuses, which no waiting mends
   */
  async begin(): Promise<void> {
    const first = this.attempt();
    first.catch(() => undefined);
    const limit = new AbortController();
    try {
      await Promise.race([first, delay(FIRST_TRY_MS, undefined, { signal: limit.signal })]);
    } catch (error) {
      if (isRefusal(error)) throw new DatabaseStartError(error);
    } finally {
      limit.abort();
    }
    void this.goOn(first);
  }

  stop(): void {
    this.stopping.abort();
  }

  private async goOn(first: Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    let attempt = first;
    for (let pauseMs = SHORTEST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const failure = await attempt.then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      if (!failure || signal.aborted) return;
      this.say(reasonOf(failure.error));
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      attempt = this.attempt();
    }
  }

  private async attempt(): Promise<void> {
    if (this.isStopped()) return;
    await this.prepare();
    if (this.isStopped()) return;
    this.done = true;
    if (this.said) this.logger.log('The database is there: orders are taken in and processed');
    this.setReady();
  }

  private isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private say(reason: string): void {
    const now = performance.now();
    if (this.said?.reason === reason && now - this.said.at < SAY_AGAIN_MS) return;
    this.said = { reason, at: now };
    this.logger.warn(
      `The database that DATABASE_URL names cannot be used yet (${reason}). Orders are answered with 503 and none is ` +
        'processed until it is there',
    );
  }
}
