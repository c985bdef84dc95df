import { jest } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedRedis } from '../../../src/local/embedded-redis/index.js';
import { installRedis } from '../../../src/local/embedded-redis/package-manager.js';

describe('The package manager', () => {
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-packages-'));
  const noted = join(directory, 'environment');
  const before = { ...process.env };
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);

  beforeEach(() => {
    // The system's `env` and `sh`, and a package manager that notes what it is given.
    const manager = `#!/bin/sh\n[ "$1" = --version ] && exit 0\n/usr/bin/env >${noted}\nexit 1\n`;
    writeFileSync(join(directory, 'apk'), manager, { mode: 0o755 });
    process.env = {
      ...{ PATH: directory, ADMIN_TOKEN: 'hunter2', DATABASE_URL: 'hunter2', REDIS_PASSWORD: 'hunter2' },
      ...{
        AWS_SECRET_ACCESS_KEY: 'hunter2',
        https_proxy: 'http://proxy.example',
        NODE_OPTIONS: '--no-warnings',
      },
    };
    jest.spyOn(process as { getuid: () => number }, 'getuid').mockReturnValue(0);
    lines.length = 0;
  });
  afterEach(() => {
    process.env = before;
    jest.restoreAllMocks();
    rmSync(noted, { force: true });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('is given what it needs, and none of the service’s tokens and passwords', async () => {
    expect(await installRedis(log)).toEqual({
      unavailable: expect.stringContaining('apk could not') as string,
    });
    const environment = readFileSync(noted, 'utf8');
    expect(environment).toContain('https_proxy=http://proxy.example');
    expect(environment).toContain('DEBIAN_FRONTEND=noninteractive');
    expect(environment).not.toMatch(/hunter2|NODE_OPTIONS/);
    expect(lines).toEqual([expect.stringMatching(/installing one with apk .*EMBEDDED_REDIS=installed/)]);
  });

  it.each(['installed', 'off'] as const)('is left alone with EMBEDDED_REDIS=%s', async (mode) => {
    jest.restoreAllMocks();
    const dataDir = join(directory, 'data');
    await expect(startEmbeddedRedis({ dataDir, log, mode })).rejects.toThrow(
      /needs a Redis .*install redis-server/,
    );
    expect(() => readFileSync(noted)).toThrow('ENOENT');
  });
});
