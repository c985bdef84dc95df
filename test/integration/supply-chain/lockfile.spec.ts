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

  const tarball = (name: string, file: string): string => `https://registry.npmjs.org/${name}/-/${file}.tgz`;
  const ofVersion = (version: string): Entry => ({ version });
  const { version = '' } = read().packages[IOREDIS] as { version?: string };

  it.each<[string, (packages: Record<string, Entry>) => void, string[]]>([
    [
      'whose tarball is another package',
      (packages) =>
        Object.assign(packages[IOREDIS] ?? {}, { resolved: tarball('ioredls', `ioredls-${version}`) }),
      ['ioredis@.* is another package: it comes from https://registry.npmjs.org/ioredls/'],
    ],
    [
      'whose tarball is another version',
      (packages) => Object.assign(packages[IOREDIS] ?? {}, { resolved: tarball('ioredis', 'ioredis-0.0.1') }),
      ['ioredis@.* is another package'],
    ],
    [
      'whose tarball has only its name',
      (packages) =>
        Object.assign(packages[IOREDIS] ?? {}, { resolved: tarball('evil', `ioredis-${version}`) }),
      ['ioredis@.* is another package'],
    ],
    [
      'that is another one under its name',
      (packages) => Object.assign(packages[IOREDIS] ?? {}, { name: 'ioredls' }),
      [`ioredls@.* is installed as ${IOREDIS}, where .* asks for ioredis`],
    ],
    [
      'that is another one under its name, deeper',
      (packages) =>
        Object.assign(packages, {
          [`${IOREDIS}/node_modules/denque`]: { ...packages[IOREDIS], name: 'evil' },
        }),
      [`evil@.* is installed as ${IOREDIS}/node_modules/denque, where .* asks for denque`],
    ],
    [
      'under a name that nobody asks for',
      (packages) =>
        Object.assign(packages, { 'node_modules/fs-promises': { ...packages[IOREDIS], name: 'evil' } }),
      ['evil@.* is installed as node_modules/fs-promises, which nobody asks for'],
    ],
    [
      'that is not the one of an alias',
      (packages) => {
        Object.assign(packages[''] ?? {}, { dependencies: { redis: 'npm:ioredis@^6.0.0' } });
        packages['node_modules/redis'] = { ...packages[IOREDIS], name: 'evil' };
      },
      ['evil@.* is installed as node_modules/redis, where the project asks for ioredis'],
    ],
    [
      'that is installed outside of node_modules',
      (packages) => Object.assign(packages, { 'src/evil': { ...packages[IOREDIS] } }),
      ['is installed in src/evil'],
    ],
    [
      'that an alias asks for',
      (packages) => {
        const root = packages[''] as { dependencies: Record<string, string> };
        root.dependencies['@own/redis'] = 'npm:@scope/redis@^1.0.0';
        const resolved = tarball('@scope/redis', 'redis-1.0.0');
        packages['node_modules/@own/redis'] = {
          ...{ ...packages[IOREDIS], ...ofVersion('1.0.0') },
          ...{ name: '@scope/redis', resolved, dependencies: {} },
        };
      },
      [],
    ],
  ])('finds out a package %s', async (_, plant, problems) => {
    const lockfile = read();
    plant(lockfile.packages);
    const file = join(directory, 'package-lock.json');
    writeFileSync(file, JSON.stringify(lockfile));
    const { code, stderr } = await audit(file);
    const lines = stderr.split('\n').filter((line) => line !== '');
    for (const problem of problems) expect(lines).toContainEqual(expect.stringMatching(problem));
    expect([code, lines.length > 0]).toEqual(problems.length > 0 ? [1, true] : [0, false]);
  });
});
