import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { buildSibling, packPackage, run } from '../support/packed-package.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService } from '../support/service.js';

interface Manifest {
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

describe('the packed package', () => {
  let directory: string;
  let tarball: string;
  let server: TestRedis;
  let redis: Redis;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'order-streams-'));
    [tarball, server] = await Promise.all([packPackage(directory), startRedis()]);
    redis = new Redis(server.url);
  });

  afterAll(async () => {
    await endServices();
    redis.disconnect();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('holds the transport, the operations, the terminal and the papers, and nothing of the service', async () => {
    const { stdout } = await run('tar', ['-tzf', tarball]);
    const files = stdout.trim().split('\n');
    expect(files).toEqual(
      expect.arrayContaining(
        [
          ...[
            'dist/transport/index.js',
            'dist/transport/index.d.ts',
            'dist/operations/index.js',
            'dist/cli/main.js',
          ],
          ...['dist/operations/dashboard/page/index.html', 'LICENSE', 'README.md', 'CHANGELOG.md'],
        ].map((name) => `package/${name}`),
      ),
    );
    const strangers = files.filter(
      (name) =>
        !/^package\/(package\.json|LICENSE|\w+\.md|dist\/(cli|operations|transport)\/.+\.(js|d\.ts|lua|html|css|svg))$/.test(
          name,
        ),
    );
    expect(strangers.concat(files.filter((name) => name.includes('.spec.')))).toEqual([]);
  });

  it('asks for ioredis, the API of OpenTelemetry and the parts of a terminal, and for the Nest that the app already has', async () => {
    const { stdout } = await run('tar', ['-xzOf', tarball, 'package/package.json']);
    const packed = JSON.parse(stdout) as Manifest;
    const ours = JSON.parse(await readFile('package.json', 'utf8')) as Manifest;
    const names = ['@opentelemetry/api', 'cli-progress', 'cli-table3', 'commander', 'ioredis'];
    expect(packed.dependencies).toEqual(
      Object.fromEntries(names.map((name) => [name, ours.dependencies[name]])),
    );
    for (const name of await importedPackages(tarball)) {
      expect({ ...packed.dependencies, ...packed.peerDependencies }).toHaveProperty([name]);
    }
  });

  it.each([
    ...['transport/index', 'transport/validation/index', 'transport/terminus/index'],
    'operations/index',
  ])('can be loaded before anything else: %s', async (entry) => {
    await run('node', ['--input-type=module', '-e', `await import('./dist/${entry}.js')`]);
  });

  it('serves a CommonJS app on Nest 11, without a second Nest', async () => {
    const app = join(directory, 'commonjs-nest-11');
    await buildSibling('test/fixtures/commonjs-nest-11', app, tarball);
    const compiled = await readFile(join(app, 'dist/main.js'), 'utf8');
    expect(compiled).toContain('require("order-streams")');

    const { stdout } = await run('node', ['dist/main.js'], { cwd: app, env: env() });

    const { entryId } = JSON.parse(stdout) as { entryId: string };
    expect(await redis.xrange('tea-orders', '-', '+')).toEqual([
      [
        entryId,
        [
          ...['data', '{"orderId":"42","amount":12.5,"items":[{"sku":"tea","quantity":2}]}'],
          ...['retry', '0'],
          ...['correlation-id', 'c-42'],
        ],
      ],
    ]);
    expect(await installedVersions(app, '@nestjs/core')).toEqual([expect.stringMatching(/^11\./)]);
  });

  it('operates a CommonJS app on Nest 11: routes, terminal and page; what is not installed has one sentence', async () => {
    const app = join(directory, 'operated-app');
    await buildSibling('test/fixtures/operated-app', app, tarball);
    const options = { cwd: app, env: { ...env(), ADMIN_TOKEN: 'a-token-of-sixteen' } };

    const process = spawn('node', ['dist/main.js'], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [url] = (await once(createInterface(process.stdout), 'line')) as [string];
      await redis.xadd('tea', '*', 'orderId', '42', 'kind', 'green');
      await eventually(async () => (await redis.xlen('tea.DLT')) === 1 || undefined);
      const terminal = (...args: string[]) =>
        run('npx', ['--no-install', 'order-streams', '--url', url, ...args], options);
      expect((await terminal('--help')).stdout).toContain('dead-letters');
      expect((await terminal('streams')).stdout).toMatch(/tea .* shop /);
      expect((await terminal('dead-letters', 'list')).stdout).toContain('NonRetryableError: no tea today');
      expect(await (await fetch(`${url}/metrics`)).text()).toContain(
        'order_streams_dead_lettered_total{stream="tea",group="shop",reason="not-retryable"} 1',
      );
      expect(await (await fetch(`${url}/health/ready`)).json()).toMatchObject({
        checks: { transport: { status: 'up' }, backlog: { warnings: [{ code: 'dead-letters' }] } },
      });
      expect((await fetch(`${url}/`)).status).toBe(200);
      expect((await fetch(`${url}/streams`)).status).toBe(401);
    } finally {
      process.kill('SIGTERM');
      if (process.exitCode === null) await once(process, 'exit');
    }

    await rename(join(app, 'node_modules/prom-client'), join(app, 'prom-client'));
    await expect(run('node', ['dist/main.js'], options)).rejects.toMatchObject({
      code: 1,
      stderr:
        'MetricsModule of order-streams/operations needs prom-client, which is not installed: ' +
        'npm install @nestjs/swagger prom-client\n',
    });
  });

  it('serves the storefront: of 10,000 orders every one is processed, none twice', async () => {
    const storefront = join(directory, 'storefront');
    await buildSibling('examples/storefront', storefront, tarball);
    const service = await startService({ REDIS_URL: server.url });

    const command = ['dist/main.js', '--count', '10000'];
    const { stdout } = await run('node', command, {
      cwd: storefront,
      env: env(),
      maxBuffer: 64 * 1024 * 1024,
    });

    const lines = stdout.trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ emitted: 10_000, failed: 0, processed: 10_000 });
    const idsOf = (message: string) =>
      service.records.filter((record) => record.message === message).map(({ orderId }) => orderId as string);
    await eventually(() => idsOf('Order processed').length >= 10_000 || undefined);
    await service.end('SIGTERM');
    expect(await redis.xpending('orders', 'order-group')).toEqual([0, null, null, null]);
    const emitted = (await redis.xrange('orders', '-', '+')).map(([, fields]) => orderIdOf(fields)).sort();
    expect(new Set(emitted).size).toBe(10_000);
    expect(idsOf('Order received').sort()).toEqual(emitted);
    expect(idsOf('Order processed').sort()).toEqual(emitted);
  });

  const env = () => ({ ...process.env, REDIS_URL: server.url });
});

function orderIdOf(fields: string[]): string {
  const data = fields[fields.indexOf('data') + 1] ?? '';
  return (JSON.parse(data) as { orderId: string }).orderId;
}

async function importedPackages(tarball: string): Promise<Set<string>> {
  const { stdout } = await run('tar', ['-xzOf', tarball, 'package/dist'], { maxBuffer: 64 * 1024 * 1024 });
  const specifiers = stdout.matchAll(
    /(?<!\.)\b(?:from|import)\s*\(?\s*'(?!node:)((?:@[\w.-]+\/)?\w[\w.-]*)/g,
  );
  const names = new Set([...specifiers].map(([, name = '']) => name));
  // Examples in comments import the package itself.
  names.delete('order-streams');
  return names;
}

async function installedVersions(app: string, name: string): Promise<string[]> {
  const { stdout } = await run('npm', ['query', `[name="${name}"]`], { cwd: app });
  return (JSON.parse(stdout) as { version: string }[]).map(({ version }) => version);
}
