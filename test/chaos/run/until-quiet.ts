import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readFinalState } from '../account/final-state.js';
import type { Fleet } from './fleet.js';
import type { Observer } from './observer.js';

const POLL_MS = 100;

/** What is looked at, and for how long nothing may change before it counts as stuck. */
export interface Watched {
  readonly direct: Redis;
  readonly observer: Observer;
  /** Nothing need happen while a process is still on its way. */
  readonly fleet: Pick<Fleet, 'isReady'>;
  readonly stream: string;
  readonly group: string;
  readonly patienceMs: number;
  readonly mostConsumers: number;
}

/** Resolves when everything is settled and seen, or when nothing has changed for too long. */
export async function untilQuiet(watched: Watched): Promise<void> {
  const { direct, observer, fleet, stream, group, patienceMs } = watched;
  let last = '';
  let changedAt = performance.now();
  for (;;) {
    const state = await readFinalState(direct, stream, group).catch(() => undefined);
    const isSettled =
      state && state.pending + state.waiting + state.unread === 0 && state.consumers <= watched.mostConsumers;
    if (isSettled && (await observer.isUpToDate(direct))) return;
    const now = JSON.stringify([state, observer.effects, observer.deadLetters]);
    if (now !== last || !fleet.isReady) changedAt = performance.now();
    else if (performance.now() - changedAt > patienceMs) return;
    last = now;
    await delay(POLL_MS);
  }
}
