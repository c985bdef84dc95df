import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { uniqueName } from '../../support/unique-name.js';

let redis: Redis;
let stream: string;
beforeEach(() => {
  redis = openRedis(sharedRedisUrl());
  stream = uniqueName('orders');
});
afterEach(() => redis.disconnect());

/** Runs an app as a process of its own, and sends it SIGTERM while its handler works for `handlerMs`. */
async function endWhileWorking(kind: string, handlerMs: number, graceMs: number) {
  const env = {
    ...process.env,
    ...{ APP_KIND: kind, REDIS_URL: sharedRedisUrl(), STREAM: stream, SHUTDOWN_GRACE_MS: String(graceMs) },
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'app-under-sigterm.js')], { env });
  const output = { text: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.text += chunk.toString()));
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    await eventuallyPasses(() => expect(output.text).toContain('ready'));
    await redis.xadd(stream, '*', 'ms', handlerMs);
    await eventuallyPasses(() => expect(output.text).toContain('started'));
    child.kill('SIGTERM');
    const [code, signal] = await exited;
    return { ended: signal ?? code, lines: output.text.trim().split('\n') };
  } finally {
    child.kill('SIGKILL');
  }
}

const pending = async () => ((await redis.xpending(stream, 'test-group')) as [number])[0];

describe.each(['plain', 'hybrid'])('SIGTERM to a %s app', (kind) => {
  it('lets the handler finish while its database is there, acknowledges, and ends', async () => {
    const { ended, lines } = await endWhileWorking(kind, 700, 10_000);
    expect(lines).toEqual(['ready', 'started', 'finished with-database', 'database closed']);
    expect(['SIGTERM', 0]).toContain(ended);
    await eventually(async () => ((await pending()) === 0 ? true : undefined));
  });

  it('leaves the entry pending when the handler outlives the grace period', async () => {
    const { lines } = await endWhileWorking(kind, 60_000, 200);
    expect(lines).toEqual(['ready', 'started', 'database closed']);
    expect(await pending()).toBe(1);
  });
});
