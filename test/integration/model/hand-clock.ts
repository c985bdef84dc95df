import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { jest } from '@jest/globals';

/** What goes on as it always does. */
const REAL = [
  ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask'] as const),
  ...(['setImmediate', 'clearImmediate', 'setInterval', 'clearInterval'] as const),
];

interface Waiting {
  readonly at: number;
  readonly end: () => void;
}

let waiting: Waiting[] = [];
let now = 0;

/** Stands for `setTimeout` of `node:timers/promises`. */
function setTimeout<T>(ms = 0, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    waiting.push({ at: now + ms, end: () => resolve(value) });
    signal?.addEventListener('abort', () => reject(new Error('The wait was ended')), { once: true });
  });
}

/** From here on modules that are imported wait by a clock that moves by hand. */
export function useHandClock(): void {
  jest.unstable_mockModule('node:timers/promises', () => ({ setImmediate, setTimeout }));
}

/** When the day begins that the clock shows. */
const BEGIN_MS = 1_700_000_000_000;

/** The clock by which processes measure and wait, as long as it is in use. */
export class HandClock {
  private readonly measured = jest.spyOn(performance, 'now').mockImplementation(() => now);

  /** @param withTimers - whether plain timers and the date move by hand too; a connection to Redis needs real ones */
  constructor(private readonly withTimers: boolean) {
    now = 0;
    waiting = [];
    if (withTimers) jest.useFakeTimers({ doNotFake: REAL, now: BEGIN_MS });
  }

  advance(ms: number): void {
    now += ms;
    const over = waiting.filter(({ at }) => at <= now);
    waiting = waiting.filter(({ at }) => at > now);
    for (const { end } of over) end();
    if (this.withTimers) jest.advanceTimersByTime(ms);
  }

  stop(): void {
    this.measured.mockRestore();
    if (!this.withTimers) return;
    jest.clearAllTimers();
    jest.useRealTimers();
  }
}
