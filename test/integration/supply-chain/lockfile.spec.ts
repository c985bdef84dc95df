import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../../src/local/embedded-redis/run-command.js';

type Entry = Record<string, unknown>;
interface Lockfile {
  packages: Record<string, Entry>;
}

const read = (): Lockfile => JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lockfile;
const IOREDIS = 'node_modules/ioredis';

describe('The audit of the lockfile', () => {
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-lockfile-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  const audit = (...files: string[]) =>
    runCommand(process.execPath, ['scripts/audit-lockfile.js', ...files], {});

  it('finds ours in order', async () => {
    expect(await audit()).toMatchObject({ code: 0, stderr: '' });
  });

  it.each<[string, Entry]>([
    ['has no SHA-512 hash', { integrity: undefined }],
    ['has no SHA-512 hash', { integrity: 'sha1-abc=' }],
    ['is a link', { link: true }],
    ['comes from git+ssh://', { resolved: 'git+ssh://git@github.com/redis/ioredis.git#abc' }],
    ['comes from http://', { resolved: 'http://registry.npmjs.org/ioredis.tgz' }],
    ['comes from https://elsewhere', { resolved: 'https://elsewhere.example/ioredis.tgz' }],
    ['runs a script', { hasInstallScript: true }],
    ['has the licence GPL-3.0', { license: 'GPL-3.0' }],
    ['has the licence (MIT AND GPL-3.0)', { license: '(MIT AND GPL-3.0)' }],
    ['has the licence (none)', { license: undefined }],
    ['denque is asked for as github:', { dependencies: { denque: 'github:invertase/denque' } }],
    ['denque is asked for as https://', { dependencies: { denque: 'https://elsewhere.example/denque.tgz' } }],
  ])('notices a package that %s', async (problem, change) => {
    const lockfile = read();
    lockfile.packages[IOREDIS] = { ...lockfile.packages[IOREDIS], ...change };
    const file = join(directory, 'package-lock.json');
    writeFileSync(file, JSON.stringify(lockfile));
    const { code, stderr } = await audit(file);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(problem)]);
  });
});
