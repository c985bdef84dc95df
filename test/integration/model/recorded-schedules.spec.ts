import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { fakeWorld } from '../../support/fake-redis/fake-world.js';
import { useHandClock } from './hand-clock.js';
import { Reach } from './reach.js';
import { differenceOf, EventRecord, type ScheduleRecord } from './schedule-record.js';

useHandClock();
const { Schedule } = await import('./schedule.js');

/**
 * `MODEL_RECORD=<file>` writes what schedules come to in this tree, one line of JSON for each seed, and
 * `MODEL_COMPARE=<file>` in another tree runs the same seeds and names the first difference.
 */
const { MODEL_RECORD, MODEL_COMPARE, MODEL_SEED = '1', MODEL_STEPS = '500', MODEL_SCHEDULES } = process.env;
const FIRST = Number(MODEL_SEED);
const SCHEDULES = Number(MODEL_SCHEDULES ?? (MODEL_RECORD === undefined ? 5 : 300));

async function recordOf(seed: number, steps: number): Promise<ScheduleRecord> {
  const world = fakeWorld();
  const events = new EventRecord();
  const schedule = new Schedule(world, seed, { reach: new Reach(), onEvent: events.add, isArranged: true });
  let violation: string | undefined;
  await schedule.run(steps).catch((error: unknown) => {
    violation = String(error instanceof Error ? error.cause : error);
  });
  return events.finish(seed, schedule, world.keys(), violation);
}

async function recordAll(steps: number): Promise<ScheduleRecord[]> {
  const records: ScheduleRecord[] = [];
  for (let seed = FIRST; seed < FIRST + SCHEDULES; seed += 1) records.push(await recordOf(seed, steps));
  return records;
}

/**
 * Runs what was recorded again.
 *
 * @throws Error that names the first difference, and says how many schedules differ
 */
async function compareAll(recorded: readonly ScheduleRecord[], steps: number): Promise<void> {
  let first: string | undefined;
  let differing = 0;
  for (const was of recorded) {
    const difference = differenceOf(was, await recordOf(was.seed, steps));
    if (difference === undefined) continue;
    differing += 1;
    first ??= `MODEL_SEED=${was.seed} MODEL_STEPS=${steps}: ${difference}`;
  }
  if (first === undefined) return;
  throw new Error(`${differing} of ${recorded.length} schedules differ. The first is ${first}`);
}

describe('What a schedule comes to', () => {
  it('is the same in the same build, and in one that it was recorded in', async () => {
    if (MODEL_COMPARE !== undefined) {
      const [steps, ...recorded] = gunzipSync(readFileSync(MODEL_COMPARE)).toString().trim().split('\n');
      const records = recorded
        .slice(0, Number(MODEL_SCHEDULES ?? recorded.length))
        .map((line) => JSON.parse(line) as ScheduleRecord);

      await compareAll(records, Number(steps));
      return;
    }
    const steps = Number(MODEL_STEPS);
    const records = await recordAll(steps);
    if (MODEL_RECORD === undefined) await compareAll(records, steps);
    else {
      const lines = [String(steps), ...records.map((record) => JSON.stringify(record))];
      writeFileSync(MODEL_RECORD, gzipSync(lines.join('\n')));
    }
  }, 3_600_000);
});
