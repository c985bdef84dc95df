import type { Fault } from './fault.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** How far ahead a clock may be of what it should be. */
const AHEAD_MS = [-26 * HOUR_MS, -HOUR_MS, -5 * MINUTE_MS, 5 * MINUTE_MS, 2 * HOUR_MS, 26 * HOUR_MS];

/** The wall clock of a process jumps, and stays wrong. */
export const skew: Fault = {
  everyMs: 1_000,
  onClocks: true,
  strike({ clocks, fleet }, random) {
    const slot = random.below(fleet.size);
    const aheadMs = random.pick(AHEAD_MS) ?? 0;
    clocks.set(slot, aheadMs);
    return Promise.resolve(`set the clock of process ${slot} ${aheadMs / MINUTE_MS} minutes ahead`);
  },
};
