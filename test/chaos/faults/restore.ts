import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, World } from './fault.js';

/** How old a backup is when it is put back. */
const AGE_MS = 2_000;
/** Longer than it takes to look at the stream and to kill Redis. */
const PAUSE_MS = 30_000;

/**
 * Somebody puts a backup back while orders come in, as the runbook says: Redis ends, its append-only files become those
 * of a while before, Redis starts, and what was acknowledged since is sent again from its source.
 */
export const restore: Fault = {
  everyMs: 10_000,
  lastsMs: AGE_MS,
  needs: ['alone'],
  consequence: 'loses',
  async strike(world, _random, ms) {
    const { topology, direct, stream } = world;
    const [, directory = ''] = (await direct.config('GET', 'dir')) as string[];
    const [files, backup] = [join(directory, 'appendonlydir'), join(directory, 'backup')];
    const oldest = await lastId(world);
    // No file may be replaced while they are copied.
    await direct.config('SET', 'auto-aof-rewrite-percentage', '0');
    cpSync(files, backup, { recursive: true });
    await delay(ms);
    // Nothing is acknowledged between the look and the end.
    await direct.client('PAUSE', PAUSE_MS, 'WRITE');
    const since = (await direct.xrange(stream, `(${oldest}`, '+')).map(([id]) => id);
    await topology.alone?.kill();
    world.lose(since.at(-1) ?? oldest);
    rmSync(files, { recursive: true });
    renameSync(backup, files);
    await topology.alone?.restart();
    await direct.exists(stream);
    const kept = new Set((await direct.xrange(stream, `(${oldest}`, '+')).map(([id]) => id));
    const gone = since.filter((id) => !kept.has(id));
    const sentAgain = world.sendAgain(gone);
    return `put a backup of ${ms} ms before back: ${gone.length} entries were gone, whose ${sentAgain} orders were sent again`;
  },
};

async function lastId({ direct, stream }: World): Promise<string> {
  const [last] = await direct.xrevrange(stream, '+', '-', 'COUNT', 1);
  return last?.[0] ?? '0-0';
}
