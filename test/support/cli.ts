import { execFile } from 'node:child_process';
import { join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '../..');

/** How a run of `order-streams` ended. */
export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built `order-streams` against a service. */
export function runCli(
  url: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<CliRun> {
  const { PATH = '', HOME = '' } = process.env;
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['dist/cli/main.js', '--url', url, ...args],
      { cwd: REPOSITORY, env: { PATH, HOME, ...env } },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}
