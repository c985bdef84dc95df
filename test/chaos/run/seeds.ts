import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { faultsOf, lineOf, sumOf, textOf } from '../account/text.js';
import type { Settings } from '../settings.js';
import { ARTEFACTS } from './builds.js';
import { runChaos, type Report } from './chaos-run.js';

/**
 * Runs each seed, one after the other: the whole account of a single one, a line for each of several and their sum.
 *
 * @returns whether the invariant held in all of them
 */
export async function runSeeds(
  settings: Settings,
  seeds: readonly number[],
  isVerbose: boolean,
): Promise<boolean> {
  const reports: Report[] = [];
  for (const seed of seeds) {
    const report = await runKept({ ...settings, seed });
    reports.push(report);
    if (isVerbose) console.log(faultsOf(report));
    if (seeds.length > 1) console.log(lineOf(report));
    if (seeds.length === 1 || !holds(report)) console.log(textOf(report));
    if (settings.keep || !holds(report))
      console.log(`  Ledgers, logs and data of Redis: ${report.directory}`);
  }
  if (seeds.length > 1) console.log(sumOf(reports));
  return reports.every(holds);
}

/** Keeps the artefacts of a run in which something was wrong. */
async function runKept(settings: Settings): Promise<Report> {
  const directory = join(ARTEFACTS, `${new Date().toISOString().replaceAll(':', '-')}-seed-${settings.seed}`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'settings.json'), JSON.stringify(settings, null, 2));
  const report = await runChaos(settings, directory);
  if (holds(report) && !settings.keep) rmSync(directory, { recursive: true });
  else writeFileSync(join(directory, 'account.txt'), `${faultsOf(report)}\n${textOf(report)}\n`);
  return report;
}

function holds({ account }: Report): boolean {
  return account.violations.length === 0;
}
