import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.js';

/** A process dies as by `kill -9`. */
export const kill: Fault = {
  everyMs: 500,
  charges: true,
  async strike({ fleet }, random) {
    const slot = random.below(fleet.size);
    await fleet.kill(slot);
    return `killed process ${slot}`;
  },
};

/** A process stands still until its entries have been given to others, and then goes on as if nothing had been. */
export const freeze: Fault = {
  everyMs: 4_000,
  charges: true,
  async strike({ fleet, ackWaitMs }, random) {
    const slot = random.below(fleet.size);
    const ms = Math.round(ackWaitMs * (1.2 + random.next()));
    const thaw = fleet.freeze(slot);
    await delay(ms);
    thaw();
    return `froze process ${slot} for ${ms} ms`;
  },
};

/** A process that works is asked to end, and another one takes its place. */
export const sigterm: Fault = {
  everyMs: 1_000,
  async strike({ fleet }, random) {
    const slot = random.pick(fleet.working);
    if (slot === undefined) return 'found no process to end';
    await fleet.terminate(slot);
    return `ended process ${slot} in order`;
  },
};

/** All processes are replaced, one after the other. */
export const rolling: Fault = {
  everyMs: 10_000,
  async strike({ fleet }) {
    for (let slot = 0; slot < fleet.size; slot += 1) await fleet.terminate(slot);
    return `replaced ${fleet.size} processes one after the other`;
  },
};

/** A process is replaced by one of another version, whose function library has another name. */
export const mixed: Fault = {
  everyMs: 3_000,
  async strike({ fleet }, random) {
    const slot = random.below(fleet.size);
    const build = fleet.changeBuild(slot);
    await fleet.terminate(slot);
    return `replaced process ${slot} by one of ${build}`;
  },
};
