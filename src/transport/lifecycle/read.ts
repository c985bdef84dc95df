import { setTimeout as delay } from 'node:timers/promises';
import { failureOf, type RedisFailure } from '../redis/redis-failure.js';
import type { StreamBroker, StreamReader } from '../redis/port.js';
import type { GroupStart } from '../redis/settlement.js';
import type { ReadTally } from './unread.js';
import type { InFlight } from './in-flight.js';

const LONGEST_DELAY_MS = 1_000;

/** What a read loop works with. */
export interface ReadLoopParts {
  readonly stream: string;
  readonly broker: Pick<StreamBroker, 'prepare' | 'ensureGroup' | 'openReader'>;
  readonly inFlight: InFlight;
  /** Whether writes of the application travel with settlements. */
  readonly withWrites: () => boolean;
  /** Called when the group is known to exist, before the first read. */
  readonly onGroupMade?: (start: GroupStart) => Promise<void>;
  readonly tally: ReadTally;
  /** Called each time that reading fails; the loop goes on. */
  readonly onFailure: (failure: RedisFailure, error: unknown) => void;
}

/** Reads one stream for as long as the process lives, whatever happens to Redis, the stream or the group. */
export class ReadLoop {
  private readonly stopping = new AbortController();
  private ended: Promise<void> = Promise.resolve();
  private prepared = false;
  private groupKnown = false;
  private hadGroup = false;
  private readingSince: number | undefined;
  private lastFailure: RedisFailure | undefined;
  private brokeOffAt: number | undefined;
  private reader: StreamReader | undefined;

  constructor(private readonly parts: ReadLoopParts) {}

  /** @returns resolves when the group is known to exist and reading begins, or the loop ends */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.ended = this.run(resolve).finally(() => {
        if (!this.isStopping()) this.brokeOffAt = performance.now();
        resolve();
      });
    });
  }

  /** Reads no more; resolves when the read in progress, whose entries are still taken, is over. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.ended;
  }

  /** Waits for no read any longer. */
  end(): void {
    this.stopping.abort();
    this.reader?.close();
  }

  /** Why reading does not go on, if it does not. */
  get failure(): RedisFailure | undefined {
    return this.lastFailure;
  }

  /** Milliseconds that the read in progress has taken, or since the loop ended although nobody stopped it; else 0. */
  get silentForMs(): number {
    const since = this.brokeOffAt ?? this.readingSince;
    return since === undefined ? 0 : performance.now() - since;
  }

  private async run(onReading: () => void): Promise<void> {
    const reader = this.parts.broker.openReader(this.parts.stream);
    this.reader = reader;
    for (let attempt = 0; !this.isStopping();) {
      try {
        await this.readOnce(reader, onReading);
        this.lastFailure = undefined;
        attempt = 0;
      } catch (error) {
        if (this.isStopping()) break;
        await this.recover(reader, error, attempt);
        attempt = Math.min(attempt + 1, 10);
      }
    }
    reader.close();
  }

  private async readOnce(reader: StreamReader, onReading: () => void): Promise<void> {
    const { inFlight, tally } = this.parts;
    if (!this.groupKnown) {
      await this.unlessStopped(this.makeGroup());
      this.groupKnown = true;
      onReading();
    }
    const count = await this.unlessStopped(inFlight.whenRoom());
    if (count === undefined) return;
    this.readingSince = performance.now();
    tally.begin();
    try {
      const entries = await reader.readNew(count);
      tally.end(entries.length);
      inFlight.accept(entries.map((entry) => ({ entry, deliveryCount: 1 })));
    } catch (error) {
      tally.lost();
      throw error;
    } finally {
      this.readingSince = undefined;
    }
  }

  private async makeGroup(): Promise<void> {
    const { broker, stream } = this.parts;
    if (!this.prepared) await broker.prepare(stream, this.parts.withWrites());
    this.prepared = true;
    const start = await broker.ensureGroup(stream);
    // After FLUSHALL only we know that there was one.
    await this.parts.onGroupMade?.({ ...start, wasLost: start.wasLost || this.hadGroup });
    this.hadGroup = true;
  }

  private async recover(reader: StreamReader, error: unknown, attempt: number): Promise<void> {
    const failure = failureOf(error);
    this.lastFailure = failure;
    this.parts.onFailure(failure, error);
    if (failure === 'group-missing') this.groupKnown = false;
    if (failure === 'unreachable') await this.unlessStopped(reader.whenReady());
    // The first repeat is immediate: most often a group or a link only has to be made again.
    if (attempt > 0) {
      const ms = Math.min(25 * 2 ** attempt, LONGEST_DELAY_MS);
      await this.unlessStopped(delay(ms, undefined, { ref: false }));
    }
  }

  private isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Promise.race with one lasting promise would keep every step that it ever saw. */
  private unlessStopped<T>(step: Promise<T>): Promise<T | undefined> {
    const { signal } = this.stopping;
    return new Promise((resolve, reject) => {
      const onStop = (): void => resolve(undefined);
      signal.addEventListener('abort', onStop, { once: true });
      step.then(resolve, reject).finally(() => signal.removeEventListener('abort', onStop));
      if (signal.aborted) onStop();
    });
  }
}
