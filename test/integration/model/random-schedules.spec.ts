import { randomInt } from 'node:crypto';
import { fakeWorld } from '../../support/fake-redis/fake-world.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis } from '../../support/redis.js';
import type { StreamWorld } from '../../support/stream-world.js';
import { useHandClock } from './hand-clock.js';
import { Reach } from './reach.js';

useHandClock();
const { redisWorld } = await import('../../support/redis-world.js');
const { Schedule } = await import('./schedule.js');

/**
 * Schedules differ from run to run, except in CI, which judges a change and not a seed. A failure names its seed. `MODEL_SEED=…` with `MODEL_STEPS=…` repeats one;
 * `MODEL_SCHEDULES=…` runs more of them, `MODEL_TOLD=…` tells more of the last one's steps.
 */
const { CI, MODEL_SEED, MODEL_STEPS = '500', MODEL_SCHEDULES } = process.env;
const STEPS = Number(MODEL_STEPS);
const OVER_FAKE = Number(MODEL_SCHEDULES ?? 100);
const OVER_REDIS = Number(MODEL_SCHEDULES ?? 10);

/** What so many schedules come to for certain. */
const COMES_TO = [
  ...['commit: done', 'commit: gone', 'commit: taken', 'commit: vanished', 'commit: refused'],
  ...['acknowledge: done', 'acknowledge: too late', 'park: done', 'park: gone', 'park: taken'],
  ...['park: vanished', 'deadLetter: done', 'deadLetter: vanished', 'release: done', 'extend: kept'],
  ...['extend: lost', 'claimDue: claimed', 'claimDue: vanished', 'claimAbandoned: claimed'],
  ...['claimAbandoned: vanished', 'markAlone: done', 'ranAlone: true', 'repairWaiting: mended'],
  ...['reapConsumer: reaped', 'trim: removed', 'readNew: refused', 'dead letter: retries-exhausted'],
  ...['dead letter: not-retryable', 'dead letter: malformed', 'dead letter: vanished'],
  ...['dead letter: abandoned'],
  ...['commit: duplicate', 'commit: superseded', 'park: duplicate', 'deadLetter: duplicate', 'settle: done'],
  ...['begin: begun', 'begin: duplicate', 'begin: busy', 'putOff: done', 'putOff: too late', 'replayed'],
  ...['discarded', 'park: refused', 'deadLetter: refused', 'hook: retry', 'hook: dead-letter'],
  ...['arbiter: dead-letter', 'arbiter: retry', 'arbiter: acknowledge', 'arbiter: rejects'],
  ...['event: duplicate', 'event: duplicate-waiting', 'event: put-off', 'event: commit-refused'],
  ...['event: skipped', 'event: replay-fields-ignored', 'event: intake-paused', 'event: intake-resumed'],
  ...['table: begin: ours', 'table: begin: done', 'table: begin: locked', 'table: give up: given-up'],
  ...['event: reclaimed', 'event: vanished', 'event: failure'],
];

/** Schedules that are run at most, as a multiple, until they came to everything that is rare. */
const PATIENCE = 4;

async function runAll(
  schedules: number,
  open: () => StreamWorld,
  comesTo: readonly string[] = [],
): Promise<Reach> {
  const reach = new Reach();
  const isEnough = (run: number): boolean =>
    run >= schedules && (run >= PATIENCE * schedules || comesTo.every((what) => reach.counts.has(what)));
  for (let i = 0; MODEL_SEED === undefined ? !isEnough(i) : i < 1; i += 1) {
    const seed = Number(MODEL_SEED ?? (CI === undefined ? randomInt(2 ** 31) : i + 1));
    const world = open();
    try {
      await new Schedule(world, seed, { reach }).run(STEPS);
    } catch (error) {
      throw new Error(`MODEL_SEED=${seed} MODEL_STEPS=${STEPS}: ${String(error)}`, { cause: error });
    } finally {
      await world.close();
    }
  }
  return reach;
}

describe('Whatever happens in whatever order, every entry is handled or dead-lettered, and only once', () => {
  it('over the fake broker', async () => {
    const { counts } = await runAll(OVER_FAKE, () => fakeWorld(), COMES_TO);

    if (MODEL_SEED === undefined) expect([...counts.keys()]).toEqual(expect.arrayContaining(COMES_TO));
  }, 600_000);

  it('over Redis', async () => {
    const server = await startRedis({ args: ['--stream-node-max-entries', '1'] });
    const redis = openRedis(server.url);
    try {
      const { counts } = await runAll(OVER_REDIS, () => redisWorld(redis, server.url));

      expect(counts.size).toBeGreaterThan(0);
    } finally {
      redis.disconnect();
      await server.stop();
    }
  }, 600_000);
});
