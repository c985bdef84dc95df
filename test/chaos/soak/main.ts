import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError } from 'commander';
import { freePort } from '../../../src/local/embedded-redis/free-port.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis } from '../../support/redis.js';
import { GROUP } from '../../support/started-server.js';
import { readFinalState } from '../account/final-state.js';
import { ARTEFACTS, PROGRAM } from '../run/builds.js';
import { Fleet } from '../run/fleet.js';
import { Producer } from '../run/producer.js';
import { serviceProgram } from '../run/service-program.js';
import { DEFAULTS } from '../settings.js';
import { growthIn, takeSample, type Sample } from './samples.js';

const STREAM = 'orders';
/** Share of the time that does not count: caches fill, code is compiled. */
const WARM_UP = 0.25;
const MOST_SAMPLES = 720;
const SHORTEST_INTERVAL_MS = 500;
const PATIENCE_MS = 30_000;
/** Garbage is collected when there is little room: what grows then is no garbage. */
const SMALL_HEAP = { NODE_OPTIONS: '--max-old-space-size=96 --max-semi-space-size=4' };

const { hours, rate, processes, seed } = new Command('npm run soak --')
  .description('Keeps the service under a steady load and watches what must not grow.')
  .option('--hours <n>', 'how long; 0.0125 are 45 seconds', decimal, 1)
  .option('--rate <n>', 'orders per second', decimal, 200)
  .option('--processes <n>', 'processes', decimal, 2)
  .option('--seed <n>', 'of the orders that fail', decimal, 1)
  .parse()
  .opts<Record<'hours' | 'rate' | 'processes' | 'seed', number>>();

function decimal(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value === 0) throw new InvalidArgumentError('It is a number above 0.');
  return value;
}

const directory = join(ARTEFACTS, `soak-${process.pid}`);
mkdirSync(directory, { recursive: true });
const redis = await startRedis({ kind: 'process', aof: true });
const direct = openRedis(redis.url);
const ports = await Promise.all(Array.from({ length: processes }, () => freePort()));
const program = serviceProgram(DEFAULTS, [PROGRAM], () => ({ url: redis.url }), {
  ...{ stream: STREAM, group: GROUP, ports },
  envOf: () => SMALL_HEAP,
});
const fleet = new Fleet(processes, program, directory);
const complaints: string[] = [];
try {
  await fleet.start();
  const durationMs = hours * 3_600_000;
  const orders = Math.ceil((durationMs / 1_000) * rate);
  const producer = new Producer({
    ...{ ...DEFAULTS, flaky: 0, seed, orders, rate },
    ...{ connection: { url: redis.url }, stream: STREAM, directory },
  });
  const ended = new AbortController();
  const sending = producer.sendUntil(orders).finally(() => ended.abort());
  const samples = await watch(durationMs, ended.signal);
  await sending;
  await producer.finish();
  const counted = samples.slice(Math.floor(samples.length * WARM_UP));
  console.log(`  ${orders} orders in ${(durationMs / 60_000).toFixed(1)} minutes, ${counted.length} samples`);
  for (const { what, first, last, isTooMuch } of growthIn(counted)) {
    console.log(`  ${what.padEnd(12)} ${first.toFixed(0)} → ${last.toFixed(0)}`);
    if (isTooMuch) complaints.push(`${what} grew from ${first.toFixed(0)} to ${last.toFixed(0)}`);
  }
  complaints.push(...(await leftovers()));
  if (fleet.ownDeaths.length > 0) complaints.push(`${fleet.ownDeaths.length} processes died`);
  await fleet.stop();
  complaints.push(...fleet.badExits);
} finally {
  fleet.destroy();
  direct.disconnect();
  await redis.stop();
}
for (const complaint of complaints) console.log(`  VIOLATION: ${complaint}`);
if (complaints.length === 0) {
  rmSync(directory, { recursive: true });
  console.log('  Nothing grows.');
} else {
  console.log(`  The logs of the service: ${directory}`);
  process.exitCode = 1;
}

async function watch(durationMs: number, ended: AbortSignal): Promise<Sample[]> {
  const intervalMs = Math.max(SHORTEST_INTERVAL_MS, durationMs / MOST_SAMPLES);
  const samples: Sample[] = [];
  try {
    for (;;) {
      await delay(intervalMs, undefined, { signal: ended });
      samples.push(await takeSample(fleet.pids, direct, STREAM, GROUP));
    }
  } catch (error) {
    if (!ended.aborted) throw error;
    return samples;
  }
}

/** What is left when nothing is worked off any more. */
async function leftovers(): Promise<string[]> {
  let last = Infinity;
  let changedAt = performance.now();
  for (;;) {
    const { pending, waiting, unread } = await readFinalState(direct, STREAM, GROUP);
    const left = pending + waiting + unread;
    if (left === 0) return [];
    if (left !== last) changedAt = performance.now();
    last = left;
    if (performance.now() - changedAt > PATIENCE_MS) return [`${left} entries are left over`];
    await delay(100);
  }
}
