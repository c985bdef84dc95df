import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// Runs before `npm start` and `npm test`: installs and builds only what changed. Needs Node and npm, nothing installed.
const root = dirname(import.meta.dirname);
const STAMP = join(root, 'dist', '.built-from');

/** Runs npm; does not come back when it fails. */
function npm(...args) {
  console.log(`> npm ${args.join(' ')}`);
  const options = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' };
  const { status, signal } = spawnSync('npm', args, options);
  if (status === 0) return;
  if (signal) process.kill(process.pid, signal);
  process.exit(status ?? 1);
}

function readJson(...path) {
  const file = join(root, ...path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { packages: {} };
}

/** Whether node_modules holds what package-lock.json asks for; optional packages may be for other systems. */
function isInstalled() {
  const wanted = Object.entries(readJson('package-lock.json').packages);
  const { packages } = readJson('node_modules', '.package-lock.json');
  return wanted.every(([path, { version, optional }]) => {
    const present = packages[path];
    return path === '' || (present ? present.version === version : optional === true);
  });
}

/** One hash over everything that the build reads. */
function fingerprint() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.spec.ts'))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  const settings = ['package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];
  const hash = createHash('sha256');
  for (const file of [...settings.map((name) => join(root, name)), ...sources.sort()]) {
    hash.update(file).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

if (!isInstalled()) npm('ci', '--include=dev', '--no-audit', '--no-fund');
const source = fingerprint();
if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== source) {
  npm('run', '--silent', 'build');
  writeFileSync(STAMP, source);
}
