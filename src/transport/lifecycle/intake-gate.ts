import { performance } from 'node:perf_hooks';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { StreamBroker } from '../redis/port.js';
import { troubleOf } from '../policy/trouble.js';

/** How long Redis may take to answer the probe, in milliseconds. */
const ANSWER_LIMIT_MS = 1_000;
/** Pause between two probes while Redis refuses them, in milliseconds. */
const PROBE_EVERY_MS = 500;

/** What a gate works with. */
export interface IntakeGateParts {
  readonly broker: Pick<StreamBroker, 'probe'>;
  readonly stream: string;
  /** Given what Redis says against the probe; undefined where it does not answer. */
  readonly onPaused: (refusal: unknown) => void;
  /** Given for how many milliseconds the intake stood still. */
  readonly onResumed: (pausedMs: number) => void;
}

/**
 * Stops the intake of one stream while Redis itself confirms that it is in trouble. Handlers would only fail one after
 * the other, and each entry would have to be put off. A handler's word is not enough: it may mean another Redis.
 */
export class IntakeGate {
  private readonly ending = new AbortController();
  private looking: Promise<void> | undefined;
  private pausedAt: number | undefined;
  private resumedAt = -Infinity;

  constructor(private readonly parts: IntakeGateParts) {}

  /** Whether the intake stands still. */
  get isPaused(): boolean {
    return this.pausedAt !== undefined;
  }

  /** Looks at Redis when an error speaks of its trouble, unless that is under way. */
  suspect(...errors: readonly unknown[]): void {
    if (troubleOf(...errors) === 'redis') void this.look();
  }

  /** Asks Redis, and says whether it was in trouble at some time within the last milliseconds. */
  async wasInTrouble(withinMs: number): Promise<boolean> {
    const since = performance.now() - withinMs;
    await this.look();
    return this.isPaused || this.resumedAt >= since;
  }

  /** Probes no more. */
  end(): void {
    this.ending.abort();
  }

  /** Resolves when it is known whether Redis is in trouble; where it is, the look goes on until it is not. */
  private look(): Promise<void> {
    if (this.ending.signal.aborted) return Promise.resolve();
    this.looking ??= new Promise((known) => {
      void this.watch(known).finally(() => {
        this.looking = undefined;
        known();
      });
    });
    return this.looking;
  }

  private async watch(known: () => void): Promise<void> {
    const { signal } = this.ending;
    for (;;) {
      const probing = this.probe();
      // One that is not answered goes on: the answer to it is the first sign that Redis is back.
      const answer = (await within(ANSWER_LIMIT_MS, probing)) ?? (await this.silence(probing, known));
      if (signal.aborted) return;
      if (answer.isFine) break;
      this.pause(answer.refusal);
      known();
      await delay(PROBE_EVERY_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
    this.resume();
  }

  private silence(probing: Promise<Answer>, known: () => void): Promise<Answer> {
    this.pause(undefined);
    known();
    return probing;
  }

  /** What says nothing of trouble, such as a group that is missing, is a matter of the read loop. */
  private async probe(): Promise<Answer> {
    try {
      await this.parts.broker.probe(this.parts.stream);
      return { isFine: true };
    } catch (error) {
      return troubleOf(error) === 'redis' ? { isFine: false, refusal: error } : { isFine: true };
    }
  }

  private pause(refusal: unknown): void {
    if (this.isPaused || this.ending.signal.aborted) return;
    this.pausedAt = performance.now();
    this.parts.onPaused(refusal);
  }

  private resume(): void {
    if (this.pausedAt === undefined) return;
    this.resumedAt = performance.now();
    const pausedMs = this.resumedAt - this.pausedAt;
    this.pausedAt = undefined;
    this.parts.onResumed(pausedMs);
  }
}

type Answer = { readonly isFine: true } | { readonly isFine: false; readonly refusal: unknown };

/** @returns undefined when there is no answer in time */
async function within<T>(limitMs: number, work: Promise<T>): Promise<T | undefined> {
  const limit = new AbortController();
  try {
    return await Promise.race([work, silenceFor(limitMs, limit.signal)]);
  } finally {
    limit.abort();
  }
}

/** After a long turn, timers come before what arrived in the meantime: that is looked at first. */
async function silenceFor(ms: number, signal: AbortSignal): Promise<undefined> {
  try {
    await delay(ms, undefined, { signal, ref: false });
    await turn(undefined, { signal });
  } catch {
    // There is an answer: nobody waits for this any more.
  }
}
