import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from '../account/text.js';
import { ARTEFACTS } from '../run/builds.js';
import { runChaos, type Report } from '../run/chaos-run.js';
import { DEFAULTS, type Settings } from '../settings.js';
import { CASES, MIXES, type Case } from './cases.js';

/** Runs at once: most of the time of a run is spent waiting. */
const LANES = 4;

/** Shows that the account notices: each bug is caught, and what catches it is silent without the bug. */
export async function prove(only: readonly string[] | undefined): Promise<boolean> {
  const cases = CASES.filter(({ bug }) => only?.includes(bug) ?? true);
  const mixes = [...new Set(cases.map(({ mix }) => mix))];
  const jobs = [...mixes.map((mix) => () => holds(mix)), ...cases.map((one) => () => isCaught(one))];
  const verdicts: boolean[] = [];
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) verdicts.push(await job());
    }),
  );
  const failed = verdicts.filter((good) => !good).length;
  console.log(
    failed === 0 ? `All ${cases.length} bugs were caught.` : `${failed} of ${verdicts.length} runs failed.`,
  );
  return failed === 0;
}

async function holds(mix: keyof typeof MIXES): Promise<boolean> {
  const report = await run({ ...DEFAULTS, ...MIXES[mix] }, `control-${mix}`);
  const good = report.account.violations.length === 0;
  console.log(`${good ? 'holds ' : 'FAILED'}  ${mix}, without a bug (${seconds(report)})`);
  if (!good) console.log(textOf(report));
  return good;
}

async function isCaught({ bug, mix, complaint }: Case): Promise<boolean> {
  const report = await run({ ...DEFAULTS, ...MIXES[mix], bug }, `bug-${bug}`);
  const caughtBy = report.account.violations.find((violation) => complaint.test(violation));
  const words = caughtBy ?? `no ${String(complaint)}`;
  console.log(`${caughtBy ? 'caught' : 'MISSED'}  ${bug} (${mix}, ${seconds(report)}): ${words}`);
  if (!caughtBy) console.log(textOf(report));
  return caughtBy !== undefined;
}

const seconds = ({ durationMs }: Report): string => `${(durationMs / 1_000).toFixed(1)} s`;

async function run(settings: Settings, name: string): Promise<Report> {
  const directory = join(ARTEFACTS, `${name}-${process.pid}`);
  try {
    return await runChaos(settings, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
