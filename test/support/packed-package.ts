import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '../..');
const MODULES = join(REPOSITORY, 'node_modules');
const PACKED_FROM = [
  ...['package.json', 'package-lock.json', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json'],
  ...['README.md', 'CHANGELOG.md', 'LICENSE', 'scripts', 'src'],
];

export const run = promisify(execFile);

/**
 * Runs `npm pack` and resolves with the path of the tarball in `directory`.
 *
 * It packs a copy: packing rebuilds `dist` and swaps the manifest for a moment, under the feet of other tests.
 */
export async function packPackage(directory: string): Promise<string> {
  const copy = join(directory, 'order-streams');
  await mkdir(copy);
  for (const name of PACKED_FROM) await cp(join(REPOSITORY, name), join(copy, name), { recursive: true });
  await mkdir(join(copy, 'node_modules'));
  // One link each: an `npm ci` of the copy must not reach through a single one and empty the real directory.
  for (const name of await readdir(MODULES))
    await symlink(join(MODULES, name), join(copy, 'node_modules', name));
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: copy });
  return join(directory, stdout.trim().split('\n').at(-1) ?? '');
}

/** Copies the app at `source` (from the repository's root) to `directory`, installs `tarball` there and compiles. */
export async function buildSibling(source: string, directory: string, tarball: string): Promise<void> {
  const isSource = (path: string) => !/[/\\](node_modules|dist)$|\.tgz$/.test(path);
  await cp(join(REPOSITORY, source), directory, { recursive: true, filter: isSource });
  await cp(tarball, join(directory, basename(tarball)));
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=dev'];
  await run('npm', ['install', ...quick, basename(tarball)], { cwd: directory });
  await mkdir(join(directory, 'node_modules/@types'), { recursive: true });
  await symlink(join(MODULES, '@types/node'), join(directory, 'node_modules/@types/node'));
  await run(process.execPath, [join(MODULES, 'typescript/bin/tsc')], { cwd: directory });
}
