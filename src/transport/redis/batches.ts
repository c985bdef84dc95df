import { setTimeout as delay } from 'node:timers/promises';
import { Signal } from './signal.js';

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1_000;

/** How much may share one call, and how much may wait for Redis before those who add are made to wait. */
export interface BatchLimits {
  readonly items?: number;
  readonly bytes?: number;
  /** Calls that may be under way at once; one unless given. */
  readonly lanes?: number;
  readonly unsettled?: number;
  readonly unsettledBytes?: number;
}

/** What is done about a call that Redis refused: repeat it, send its items one by one, or answer each of them so. */
export type Refusal<A> = 'again' | 'apart' | { readonly answer: A };

/** What batches are made of. */
export interface BatchParts<T, A> {
  readonly limits: BatchLimits;
  readonly bytesOf?: (item: T) => number;
  /**
   * Sends one call. A repeat has the same lane and sequence; each other call has a greater sequence.
   *
   * @returns an answer for each item, in their order
   */
  readonly send: (items: readonly T[], lane: number, sequence: number) => Promise<readonly (A | undefined)[]>;
  readonly onAnswers: (items: readonly T[], answers: readonly (A | undefined)[]) => void;
  readonly onRefused: (error: unknown, count: number) => Refusal<A>;
}

const NO_LIMITS: Required<BatchLimits> = {
  ...{ items: Infinity, bytes: Infinity, lanes: 1, unsettled: Infinity, unsettledBytes: Infinity },
};

/** Everything that comes in one turn of the event loop shares a call; what comes meanwhile shares the next. */
export class Batches<T, A> {
  private queue: T[] = [];
  private unsettled = 0;
  private unsettledBytes = 0;
  private sequence = 0;
  private isGathering = false;
  private gaveUp = false;
  private readonly freeLanes: number[];
  private readonly answered = new Signal();
  private readonly limits: Required<BatchLimits>;

  constructor(private readonly parts: BatchParts<T, A>) {
    this.limits = { ...NO_LIMITS, ...parts.limits };
    this.freeLanes = Array.from({ length: this.limits.lanes }, (_, lane) => lane);
  }

  /** @returns undefined, or while Redis lags behind a promise of its catching up */
  add(item: T): Promise<void> | undefined {
    this.queue.push(item);
    this.unsettled += 1;
    if (this.parts.bytesOf) this.unsettledBytes += this.parts.bytesOf(item);
    if (!this.isGathering && this.freeLanes.length > 0) this.gather();
    return this.isBehind ? this.whenCaughtUp() : undefined;
  }

  /** Stops trying: what is not answered yet is not answered any more. */
  giveUp(): void {
    this.gaveUp = true;
    this.answered.notify();
  }

  private get isBehind(): boolean {
    return this.unsettled > this.limits.unsettled || this.unsettledBytes > this.limits.unsettledBytes;
  }

  private async whenCaughtUp(): Promise<void> {
    while (this.isBehind && !this.gaveUp) await this.answered.next();
  }

  private gather(): void {
    this.isGathering = true;
    setImmediate(() => {
      this.isGathering = false;
      this.fillLanes();
    });
  }

  /** While a call is under way another follows only when it is full, so that as much as possible shares one. */
  private fillLanes(): void {
    while (this.queue.length > 0 && !this.gaveUp) {
      const isIdle = this.freeLanes.length === this.limits.lanes;
      const lane = isIdle || this.queue.length >= this.limits.items ? this.freeLanes.pop() : undefined;
      if (lane === undefined) return;
      void this.run(lane, this.takeBatch());
    }
  }

  private takeBatch(): T[] {
    const { limits, parts } = this;
    let count = Math.min(this.queue.length, limits.items);
    for (let i = 0, bytes = 0; parts.bytesOf && i < count; i += 1) {
      bytes += parts.bytesOf(this.queue[i] as T);
      if (i > 0 && bytes > limits.bytes) count = i;
    }
    return this.queue.splice(0, count);
  }

  private async run(lane: number, batch: readonly T[]): Promise<void> {
    try {
      await this.send(lane, batch);
    } finally {
      this.freeLanes.push(lane);
      this.fillLanes();
    }
  }

  private async send(lane: number, batch: readonly T[]): Promise<void> {
    this.sequence += 1;
    const { sequence } = this;
    for (let attempt = 0; !this.gaveUp; attempt = Math.min(attempt + 1, 10)) {
      let answers: readonly (A | undefined)[];
      try {
        answers = await this.parts.send(batch, lane, sequence);
      } catch (error) {
        const refusal = this.parts.onRefused(error, batch.length);
        if (refusal === 'apart') {
          for (const item of batch) await this.send(lane, [item]);
          return;
        }
        if (refusal === 'again') {
          await delay(Math.min(FIRST_DELAY_MS * 2 ** attempt, LONGEST_DELAY_MS));
          continue;
        }
        answers = batch.map(() => refusal.answer);
      }
      this.answer(batch, answers);
      return;
    }
  }

  private answer(batch: readonly T[], answers: readonly (A | undefined)[]): void {
    this.unsettled -= batch.length;
    if (this.parts.bytesOf) for (const item of batch) this.unsettledBytes -= this.parts.bytesOf(item);
    this.parts.onAnswers(batch, answers);
    this.answered.notify();
  }
}

/** An item whose sender waits for its answer. */
interface Asked<T, A> {
  readonly item: T;
  readonly resolve: (answer: A) => void;
  readonly reject: (error: unknown) => void;
}

/** What questions that share calls are made of. */
export interface QuestionParts<T, A> {
  readonly limits: Pick<BatchLimits, 'items' | 'bytes'>;
  readonly bytesOf?: (item: T) => number;
  readonly send: (items: readonly T[]) => Promise<readonly A[]>;
  /** Whether a refusal is about what was sent, and not about the state that Redis is in. */
  readonly isAboutItems?: (error: unknown) => boolean;
}

/** Asks Redis for one thing at a time; what is asked in one turn shares a call. Whoever asks decides about a repeat. */
export class Questions<T, A> {
  private readonly batches: Batches<Asked<T, A>, A | Refused>;

  constructor({ limits, bytesOf, send, isAboutItems = () => false }: QuestionParts<T, A>) {
    this.batches = new Batches<Asked<T, A>, A | Refused>({
      limits,
      ...(bytesOf && { bytesOf: ({ item }: Asked<T, A>) => bytesOf(item) }),
      send: (asked) => send(asked.map(({ item }) => item)),
      onAnswers: (asked, answers) =>
        asked.forEach(({ resolve, reject }, index) => {
          const answer = answers[index];
          if (answer instanceof Refused) reject(answer.error);
          else if (answer !== undefined) resolve(answer);
          else reject(new Error(`Redis answered ${answers.length} of ${asked.length} questions`));
        }),
      // One must not harm the others: what Redis will not even begin is sent piece by piece.
      onRefused: (error, count) =>
        count > 1 && isAboutItems(error) ? 'apart' : { answer: new Refused(error) },
    });
  }

  /** @throws whatever Redis refused the call with */
  ask(item: T): Promise<A> {
    return new Promise((resolve, reject) => {
      void this.batches.add({ item, resolve, reject });
    });
  }
}

class Refused {
  constructor(readonly error: unknown) {}
}
