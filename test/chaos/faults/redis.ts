import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../../support/eventually.js';
import type { Fault, World } from './fault.js';
import { letPileUp } from './pile-up.js';

const DOWN_MS = 300;
/** Longer than all retries of a run take. */
const OUT_OF_MEMORY_MS = 5_000;
/** Longer than anybody waits for an answer. */
const STALL_MS = 6_000;
const BACK_AFTER_MS = 3_000;

/** Redis dies as by `kill -9`, and is started again on the data that it has. */
export const redisKill: Fault = {
  everyMs: 3_000,
  needs: ['alone'],
  async strike(world) {
    const { topology, direct, stream, keepsData } = world;
    const last = keepsData ? '' : await lastId(world);
    await topology.alone?.kill();
    await delay(DOWN_MS);
    if (!keepsData) world.lose(last);
    await topology.alone?.restart();
    await direct.exists(stream);
    return 'killed Redis and started it again';
  },
};

/**
 * The machine that Redis is started on again has another time: everything seems to have been idle for long. In every
 * second case somebody notices, and sets the clock back: what was done meanwhile is of the future then.
 */
export const redisClock: Fault = {
  everyMs: 6_000,
  needs: ['alone'],
  onRedisClock: true,
  async strike({ topology, direct, redisClock: clock, stream }, random) {
    const minutes = 1 + random.below(180);
    const startWith = async (aheadS: number): Promise<void> => {
      await topology.alone?.kill();
      await topology.alone?.restart(clock?.advance(aheadS));
      await direct.exists(stream);
    };
    await startWith(minutes * 60);
    const words = `killed Redis and started it again ${minutes} minutes later by its clock`;
    if (random.chance(0.5)) return words;
    await delay(BACK_AFTER_MS);
    await startWith(-minutes * 60);
    return `${words}, and set that back after ${BACK_AFTER_MS} ms`;
  },
};

/** Redis takes no more writes that need memory, while orders wait. */
export const oom: Fault = {
  everyMs: 6_000,
  lastsMs: OUT_OF_MEMORY_MS,
  needs: ['alone'],
  async strike(world, _random, ms) {
    const { direct } = world;
    const thaw = await letPileUp(world);
    await direct.config('SET', 'maxmemory', '1');
    thaw();
    await delay(ms);
    await direct.config('SET', 'maxmemory', '0');
    return `left Redis without memory for ${ms} ms`;
  },
};

/** Redis stands still: its links stay open, and nothing answers. */
export const stall: Fault = {
  everyMs: 10_000,
  lastsMs: STALL_MS,
  needs: ['alone'],
  async strike({ direct }, _random, ms) {
    const [, pid = ''] = /process_id:(\d+)/.exec(await direct.info('server')) ?? [];
    process.kill(Number(pid), 'SIGSTOP');
    await delay(ms);
    process.kill(Number(pid), 'SIGCONT');
    return `let Redis stand still for ${ms} ms`;
  },
};

/** Somebody removes the consumer group. */
export const groupDestroy: Fault = {
  everyMs: 5_000,
  needs: ['alone'],
  consequence: 'repeats',
  async strike({ direct, stream, group }) {
    await direct.xgroup('DESTROY', stream, group);
    const at = performance.now();
    await eventually(async () => ((await hasGroup(direct, stream, group)) ? true : undefined), {
      intervalMs: 5,
    });
    return `destroyed the group; it was back after ${Math.round(performance.now() - at)} ms`;
  },
};

/** Somebody deletes the stream. */
export const streamDelete: Fault = {
  everyMs: 5_000,
  needs: ['alone'],
  consequence: 'loses',
  async strike(world) {
    const { direct, stream } = world;
    const replies = await direct.multi().xrevrange(stream, '+', '-', 'COUNT', 1).del(stream).exec();
    world.lose(idIn(replies));
    return 'deleted the stream';
  },
};

/** Somebody empties Redis. */
export const flushAll: Fault = {
  everyMs: 8_000,
  needs: ['alone'],
  consequence: 'loses',
  async strike(world) {
    const { direct, stream } = world;
    const replies = await direct.multi().xrevrange(stream, '+', '-', 'COUNT', 1).flushall().exec();
    world.lose(idIn(replies));
    return 'emptied Redis';
  },
};

async function hasGroup(direct: World['direct'], stream: string, group: string): Promise<boolean> {
  const rows = (await direct.xinfo('GROUPS', stream)) as unknown[][];
  return rows.some((row) => row[1] === group);
}

async function lastId({ direct, stream }: World): Promise<string> {
  const [last] = await direct.xrevrange(stream, '+', '-', 'COUNT', 1);
  return last?.[0] ?? '';
}

/** The id in the reply to the first command of the transaction. */
function idIn(replies: [Error | null, unknown][] | null): string {
  const entries = replies?.[0]?.[1] as [string, string[]][] | undefined;
  return entries?.[0]?.[0] ?? '';
}
