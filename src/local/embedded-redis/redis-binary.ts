import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './run-command.js';
import type { Unavailable } from './redis-source.js';

/** A server program that is new enough. */
export interface RedisBinary {
  path: string;
  /** As in `Redis 7.0.15`. */
  product: string;
}

const PROGRAMS = { 'redis-server': 'Redis', 'valkey-server': 'Valkey' } as const;
const OLDEST_MAJOR = 7;

/** Looks for `redis-server`, then `valkey-server`, in the directories of `searchPath`; Redis Functions need 7.0. */
export async function findRedisBinary(
  searchPath = process.env.PATH ?? '',
): Promise<RedisBinary | Unavailable> {
  const refused: string[] = [];
  for (const [program, name] of Object.entries(PROGRAMS)) {
    for (const directory of searchPath.split(delimiter).filter(Boolean)) {
      const path = join(directory, program);
      if (!isExecutable(path)) continue;
      const version = await versionOf(path);
      if (version === undefined) refused.push(`${path} does not say its version`);
      else if (Number.parseInt(version, 10) < OLDEST_MAJOR)
        refused.push(`${path} is ${version}, 7.0 is needed`);
      else return { path, product: `${name} ${version}` };
    }
  }
  return {
    unavailable: refused.length > 0 ? refused.join('; ') : 'no redis-server or valkey-server on PATH',
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

async function versionOf(path: string): Promise<string | undefined> {
  const { stdout } = await runCommand(path, ['--version'], { timeoutMs: 5000 });
  return /\bv=(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
}
