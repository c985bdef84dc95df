import { setTimeout as delay } from 'node:timers/promises';
import { Signal } from '../broker/signal.js';
import { isAboutCommand } from '../broker/redis-failure.js';
import type { Commit, CommitAnswer, FollowUpLimits } from '../broker/settlement.js';
import type { SettlementBroker } from '../broker/stream-broker.js';
import { endOfTurn } from './end-of-turn.js';

/** Most commits, and bytes of them, in one call: Redis serves nobody else while it runs. */
const MAX_COMMITS = 128;
const MAX_BYTES = 262_144;
/** Calls that may be on their way at once. */
const LANES = 4;
/** From here on a handler's slot stays taken until its commit is answered. */
const MAX_UNSETTLED = 2_000;
const MAX_UNSETTLED_BYTES = 67_108_864;
const LONGEST_DELAY_MS = 1_000;

/** What a committer works with. */
export interface CommitterParts<T> {
  readonly broker: Pick<SettlementBroker, 'commit'>;
  readonly stream: string;
  readonly followUps: FollowUpLimits;
  /** Told how each commit ended. */
  readonly onAnswer: (item: T, answer: CommitAnswer) => void;
  /** Told when Redis refuses a call; it is tried again until {@link Committer.giveUp}. */
  readonly onFailure: (error: unknown) => void;
}

interface Waiting<T> {
  readonly item: T;
  readonly commit: Commit;
  readonly bytes: number;
}

/**
 * Commits for the entries of one stream: all that finished since the last call go in one, each fenced, checked and
 * answered for itself. Trouble of Redis is no answer: the same call is repeated.
 */
export class Committer<T> {
  private queue: Waiting<T>[] = [];
  private unsettled = 0;
  private unsettledBytes = 0;
  private sequence = 0;
  private readonly freeLanes = Array.from({ length: LANES }, (_, lane) => lane);
  private isStarting = false;
  private gaveUp = false;
  private readonly answered = new Signal();

  constructor(private readonly parts: CommitterParts<T>) {}

  /** @returns undefined, or while Redis lags behind a promise of its catching up */
  commit(item: T, commit: Commit, bytes: number): Promise<void> | undefined {
    this.queue.push({ item, commit, bytes });
    this.unsettled += 1;
    this.unsettledBytes += bytes;
    if (!this.isStarting) void this.start();
    return this.isBehind ? this.whenCaughtUp() : undefined;
  }

  /** Stops trying; what is not committed yet will be delivered again. */
  giveUp(): void {
    this.gaveUp = true;
    this.answered.tell();
  }

  private get isBehind(): boolean {
    return this.unsettled > MAX_UNSETTLED || this.unsettledBytes > MAX_UNSETTLED_BYTES;
  }

  private async whenCaughtUp(): Promise<void> {
    while (this.isBehind && !this.gaveUp) await this.answered.next();
  }

  private async start(): Promise<void> {
    this.isStarting = true;
    await endOfTurn();
    this.isStarting = false;
    this.fillLanes();
  }

  /** While a call is on its way, another follows it only when it is full: so that as much as possible shares one. */
  private fillLanes(): void {
    while (this.queue.length > 0 && !this.gaveUp) {
      const isIdle = this.freeLanes.length === LANES;
      const lane = isIdle || this.queue.length >= MAX_COMMITS ? this.freeLanes.pop() : undefined;
      if (lane === undefined) return;
      void this.run(lane, this.takeBatch());
    }
  }

  private takeBatch(): Waiting<T>[] {
    let bytes = 0;
    let count = 0;
    for (const next of this.queue) {
      if (count === MAX_COMMITS || (count > 0 && bytes + next.bytes > MAX_BYTES)) break;
      bytes += next.bytes;
      count += 1;
    }
    return this.queue.splice(0, count);
  }

  private async run(lane: number, batch: readonly Waiting<T>[]): Promise<void> {
    await this.send(lane, batch);
    this.freeLanes.push(lane);
    this.fillLanes();
  }

  private async send(lane: number, batch: readonly Waiting<T>[]): Promise<void> {
    const { broker, stream, followUps, onFailure } = this.parts;
    this.sequence += 1;
    const { sequence } = this;
    const commits = batch.map(({ commit }) => commit);
    for (let attempt = 0; !this.gaveUp; attempt = Math.min(attempt + 1, 10)) {
      try {
        const answers = await broker.commit(stream, { lane, sequence, commits, followUps });
        batch.forEach((waiting, i) => this.settle(waiting, answers[i] ?? 'gone'));
        return;
      } catch (error) {
        if (isAboutCommand(error)) return this.sendApart(lane, batch, error);
        onFailure(error);
        await delay(Math.min(50 * 2 ** attempt, LONGEST_DELAY_MS));
      }
    }
  }

  /** One commit must not harm the others: what Redis will not even begin is sent piece by piece. */
  private async sendApart(lane: number, batch: readonly Waiting<T>[], error: unknown): Promise<void> {
    const [only] = batch;
    if (only && batch.length === 1) {
      this.settle(only, { refused: error instanceof Error ? error.message : String(error) });
      return;
    }
    for (const waiting of batch) await this.send(lane, [waiting]);
  }

  private settle({ item, bytes }: Waiting<T>, answer: CommitAnswer): void {
    this.unsettled -= 1;
    this.unsettledBytes -= bytes;
    this.parts.onAnswer(item, answer);
    this.answered.tell();
  }
}
