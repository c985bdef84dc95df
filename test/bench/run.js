// How fast this is beside the bare client and what else there is.
//
//   npm run bench                        everything, 5 rounds of 100,000 order events
//   npm run bench -- --quick             the main groups in under two minutes
//   npm run bench -- consume produce     some groups    (--rounds 5 --count 100000)
//   npm run bench -- fast-paths          each fast path with and without it, and the compiled validation
//
// In each round every subject of a group has its turn, in a process and on a Redis of its own, so that what else the
// machine does meets all of them. Ratios are those of the first subject in the same round.
import { URL } from 'node:url';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { COLLECTIONS, GROUPS } from './groups.js';
import { chartOf } from './parts/chart.js';
import { measure } from './parts/measure.js';
import { printGroup } from './parts/report.js';
import { summarize } from './parts/statistics.js';

const PEERS = ['bullmq', 'nestjs-redis'];
const QUICK = { groups: ['consume', 'produce', 'latency'], rounds: 1, count: 30_000 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    count: { type: 'string' },
    out: { type: 'string' },
  },
});
const named = positionals.flatMap((name) => COLLECTIONS[name] ?? name);
const names = named.length > 0 ? named : values.quick ? QUICK.groups : Object.keys(GROUPS);
const unknown = names.find((name) => !(name in GROUPS));
if (unknown !== undefined) {
  console.error(
    `There is no group "${unknown}"; there are ${Object.keys({ ...GROUPS, ...COLLECTIONS }).join(', ')}`,
  );
  process.exit(2);
}
const rounds = Number(values.rounds ?? (values.quick ? QUICK.rounds : 5));
const count = Number(values.count ?? (values.quick ? QUICK.count : 100_000));

if (names.some((name) => GROUPS[name].subjects.some(needsPeer))) installPeers();
const results = {
  at: new Date().toISOString(),
  node: process.version,
  cpu: cpus()[0]?.model,
  rounds,
  count,
  groups: {},
};
for (const name of names) {
  const group = GROUPS[name];
  const taken = Object.fromEntries(group.subjects.map((subject) => [subject.name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of round % 2 === 0 ? group.subjects : group.subjects.toReversed()) {
      taken[subject.name].push(await measure(group, subject, count));
    }
  }
  const [first] = group.subjects;
  const summary = {};
  for (const subject of group.subjects) {
    const own = taken[subject.name];
    const withRatios = own.map((result, round) => ({
      ...result,
      ...ratiosTo(taken[first.name][round], result),
    }));
    summary[subject.name] = summarize(withRatios);
  }
  results.groups[name] = { title: group.title, subjects: summary };
  printGroup(group, summary);
  // After each group, so that what was measured stays when a later one fails.
  if (values.out !== undefined) write(values.out);
}
if (values.out !== undefined) console.log(`Written to ${values.out}/benchmarks.json and benchmarks.svg`);

function write(directory) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}/benchmarks.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(`${directory}/benchmarks.svg`, chartOf(results));
}

function ratiosTo(reference, result) {
  if (result.p50 !== undefined) {
    return { ratio: result.p50 / reference.p50, ratioP99: result.p99 / reference.p99 };
  }
  return { ratio: result.perSecond / reference.perSecond, cpuRatio: result.cpuUs / reference.cpuUs };
}

function needsPeer({ module, settings }) {
  return PEERS.includes(module) || settings.client !== undefined || settings.oursWith !== undefined;
}

/** The peers are no dependencies of the product; they are installed when they are needed. */
function installPeers() {
  const here = new URL('.', import.meta.url).pathname;
  if (existsSync(`${here}node_modules/.package-lock.json`)) return;
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: 'inherit',
  });
}
