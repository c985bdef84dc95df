import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { freePort } from '../../../src/local/embedded-redis/free-port.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis } from '../../support/redis.js';
import { GROUP } from '../../support/started-server.js';
import { ARTEFACTS, PROGRAM } from '../run/builds.js';
import { Fleet } from '../run/fleet.js';
import { serviceProgram } from '../run/service-program.js';
import { DEFAULTS } from '../settings.js';
import { fuzzEntries } from './fuzz-entries.js';
import { fuzzHttp } from './fuzz-http.js';

const STREAM = 'orders';
const PROCESSES = 2;

const { entries, requests, seed } = new Command('npm run fuzz --')
  .description('Gives hostile entries and hostile requests to the whole service.')
  .option('--entries <n>', 'hostile entries', amount, 20_000)
  .option('--requests <n>', 'hostile requests', amount, 2_000)
  .option('--seed <n>', 'repeats a run', amount, 1)
  .parse()
  .opts<{ entries: number; requests: number; seed: number }>();

function amount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}

const directory = join(ARTEFACTS, `fuzz-${process.pid}`);
mkdirSync(directory, { recursive: true });
const redis = await startRedis({ kind: 'process' });
const direct = openRedis(redis.url);
const ports = await Promise.all(Array.from({ length: PROCESSES }, () => freePort()));
// Nobody dies here: what a process takes long over must not be given to another, which counts as an attempt.
const settings = { ...DEFAULTS, maxRetries: 1, ackWaitMs: 60_000, logLevel: 'fatal' };
const program = serviceProgram(settings, [PROGRAM], () => ({ url: redis.url }), {
  stream: STREAM,
  group: GROUP,
  ports,
});
const fleet = new Fleet(PROCESSES, program, directory);
const complaints: string[] = [];
try {
  await fleet.start();
  const start = performance.now();
  complaints.push(...(await fuzzEntries({ direct, stream: STREAM, group: GROUP, entries, seed })));
  console.log(`  ${entries} entries in ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  complaints.push(...(await fuzzHttp({ url: `http://127.0.0.1:${ports[0]}`, redis, requests, seed })));
  if (fleet.ownDeaths.length > 0) complaints.push(`${fleet.ownDeaths.length} processes died`);
  await fleet.stop();
  complaints.push(...fleet.badExits);
} finally {
  fleet.destroy();
  direct.disconnect();
  await redis.stop();
}
for (const complaint of complaints.slice(-20)) console.log(`  VIOLATION: ${complaint}`);
if (complaints.length === 0) {
  rmSync(directory, { recursive: true });
  console.log(`  Nothing crashed, nothing is stuck, seed ${seed}.`);
} else {
  console.log(`  ${complaints.length} violations, seed ${seed}; the logs of the service: ${directory}`);
  process.exitCode = 1;
}
