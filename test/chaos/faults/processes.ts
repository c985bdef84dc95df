import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import type { Fault } from './fault.js';

/** An entry that is at work was given out, or said to be at work, not longer ago than this. */
const AT_WORK_MS = 50;
/** Processes that have just been started take a while on a busy machine. */
const UNTIL_AT_WORK_MS = 30_000;

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

/** All processes die at once, while they have entries at work. */
export const killAll: Fault = {
  everyMs: 4_000,
  charges: true,
  needs: ['alone'],
  async strike({ fleet, direct, stream, group }) {
    const atWork = await eventually(
      async () => {
        const rows = (await direct.xpending(stream, group, '-', '+', 1_000)) as unknown[][];
        const held = rows.filter(([, , idleMs]) => Number(idleMs) < AT_WORK_MS).length;
        return held > 0 ? held : undefined;
      },
      { intervalMs: 5, timeoutMs: UNTIL_AT_WORK_MS },
    ).catch(() => 0);
    await Promise.all(fleet.pids.map((_pid, slot) => fleet.kill(slot)));
    return `killed all processes, which had ${atWork} entries at work`;
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
