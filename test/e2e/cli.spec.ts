import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { runCli } from '../support/cli.js';
import { onceEach, seedDeadLetters, timesInStream } from '../support/seeded-dead-letters.js';
import { endServices, startService, type Service } from '../support/service.js';
import { STEERING, STEERING_BUT_LINES, WORST_TEXT } from '../support/worst-text.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

const TOKEN = 'admin-token-0123456789';
const MARKUP = `\u001b[31m<b>red</b>${WORST_TEXT}`;

describe('order-streams', () => {
  let redis: Redis;
  let service: Service;
  let stream: string;

  beforeAll(async () => {
    redis = new Redis(sharedRedisUrl());
    stream = uniqueName('orders');
    service = await startService({ REDIS_URL: sharedRedisUrl(), STREAM_KEY: stream, ADMIN_TOKEN: TOKEN });
  });
  afterAll(async () => {
    await endServices();
    redis.disconnect();
  });
  beforeEach(() => redis.del(stream, `${stream}.DLT`));

  const cli = (...args: string[]) => runCli(service.url, args, { ADMIN_TOKEN: TOKEN });
  const seed = (count: number, prefix = 'cli-') =>
    seedDeadLetters(redis, { stream, group: 'order-group', count, prefix });
  const letterIds = async () => (await redis.xrange(`${stream}.DLT`, '-', '+')).map(([id]) => id);

  it('lists dead letters as a table and as JSON', async () => {
    await seed(3);
    const { code, stdout } = await cli('dead-letters', 'list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/id .*order .*reason/);
    for (const orderId of ['cli-0', 'cli-1', 'cli-2']) expect(stdout).toContain(orderId);
    const json = await cli('--json', 'dead-letters', 'list', '--order-id', 'cli-1');
    expect(JSON.parse(json.stdout)).toMatchObject({ items: [{ orderId: 'cli-1' }], nextCursor: null });
    expect((await cli('dead-letters', 'list', '--order-id', 'nobody')).stdout).toBe('No dead letters\n');
  });

  it('shows a large one with its long values cut, and marks it', async () => {
    const data = JSON.stringify({ orderId: 'large', note: 'ä'.repeat(4_194_304) });
    const id = (await redis.xadd(`${stream}.DLT`, '*', 'data', data, 'dlt-reason', 'malformed')) ?? '';
    await seed(1);
    expect((await cli('dead-letters', 'list')).stdout).toMatch(/truncated: 8388\d{3} bytes/);
    expect((await cli('dead-letters', 'show', id)).stdout).toMatch(/truncated +it has 8388\d{3} bytes/);
    const shown = await cli('--json', 'dead-letters', 'show', id);
    expect(shown.stdout.length).toBeLessThan(200_000);
    const bytes = Buffer.byteLength(data);
    const value = {
      truncated: true,
      bytes,
      text: expect.stringMatching(/^\{"orderId":"large","note":"ä+$/) as string,
    };
    expect(JSON.parse(shown.stdout)).toMatchObject({
      ...{ id, reason: 'malformed', foreign: true, rawPayload: value, fields: { data: value } },
      truncated: { omittedFields: 0 },
    });
    const found = await cli('--json', 'dead-letters', 'list', '--order-id', 'cli-0');
    expect(JSON.parse(found.stdout)).toMatchObject({ items: [{ orderId: 'cli-0' }], nextCursor: null });
    expect(await cli('dead-letters', 'discard', id, '--why', 'too large')).toMatchObject({ code: 0 });
    expect(await letterIds()).toHaveLength(1);
  });

  it('shows one whole, and nothing in it steers the terminal', async () => {
    const fields = [
      'orderId',
      'x',
      'note',
      MARKUP,
      'dlt-reason',
      'malformed',
      'dlt-exception-message',
      MARKUP,
    ];
    const id = (await redis.xadd(`${stream}.DLT`, '*', ...fields)) ?? '';
    const { code, stdout } = await cli('dead-letters', 'show', id);
    expect(code).toBe(0);
    expect(stdout).toContain('malformed');
    expect(stdout).toContain('\\u001b[31m<b>red</b>');
    for (const args of [['show', id], ['list']]) {
      expect((await cli('dead-letters', ...args)).stdout).not.toMatch(STEERING_BUT_LINES);
      const json = (await cli('--json', 'dead-letters', ...args)).stdout;
      expect(json.trimEnd()).not.toMatch(STEERING);
      expect(json).toContain(String.raw`\u200f`);
      expect(JSON.stringify(JSON.parse(json))).toContain('\u200f');
    }
    const audited = await cli('dead-letters', 'discard', id, '--why', MARKUP.replace('\u0000', ''));
    expect(audited.code).toBe(0);
    expect((await cli('dead-letters', 'audit')).stdout).not.toMatch(STEERING_BUT_LINES);
    expect((await cli('dead-letters', 'list', '--reason', MARKUP.replace('\u0000', ''))).stderr).not.toMatch(
      STEERING_BUT_LINES,
    );
  });

  it('puts named ones back, once, with another payload where one is given', async () => {
    await seed(2);
    const [first = '', second = ''] = await letterIds();
    const replayed = await cli('--json', 'dead-letters', 'replay', first);
    expect(JSON.parse(replayed.stdout)).toEqual({ id: first, entryId: expect.any(String) as string });
    expect(await cli('dead-letters', 'replay', first)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('replayed before') as string,
    });
    const edited = await cli('dead-letters', 'replay', second, '--payload', '{"orderId":"edited"}');
    expect(edited).toMatchObject({ code: 0, stdout: expect.stringContaining('went back as') as string });
    expect(await timesInStream(redis, stream)).toEqual(onceEach(['cli-0', 'edited']));
  });

  it('counts, then puts all of them back as a job, and waits for it', async () => {
    const orderIds = await seed(40, 'all-');
    const dry = await cli('dead-letters', 'replay', '--all', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stdout: expect.stringContaining('40 would be replayed') as string });
    const { code, stdout } = await cli('dead-letters', 'replay', '--all', '--rate', '400', '--why', 'mended');
    expect(code).toBe(0);
    expect(stdout).toMatch(/job \S+ done: 40 of 40 replayed \(0 not for the first time\), 0 skipped/);
    expect(await timesInStream(redis, stream)).toEqual(onceEach(orderIds));
    expect((await cli('dead-letters', 'progress')).stdout).toContain('done: 40 of 40');
  });

  it('leaves a job alone and cancels it', async () => {
    await seed(50, 'slow-');
    const begun = await cli('--json', 'dead-letters', 'replay', '--all', '--rate', '1', '--detach');
    const { job, state } = JSON.parse(begun.stdout) as { job: string; state: string };
    expect(state).toBe('running');
    expect(await cli('dead-letters', 'replay', '--all')).toMatchObject({ code: 3 });
    expect((await cli('dead-letters', 'cancel', job)).stdout).toContain('cancelled');
  });

  it('discards with a reason, which the audit has', async () => {
    await seed(1);
    const [id = ''] = await letterIds();
    expect(await cli('dead-letters', 'discard', id)).toMatchObject({ code: 2 });
    expect(await cli('dead-letters', 'discard', id, '--why', 'a test')).toMatchObject({ code: 0 });
    expect(await letterIds()).toEqual([]);
    const audit = await cli('--json', 'dead-letters', 'audit', '--limit', '1');
    expect(JSON.parse(audit.stdout)).toMatchObject({
      items: [{ action: 'discard', by: 'admin', details: { deadLetterId: id, reason: 'a test' } }],
    });
  });

  it.each([
    [['dead-letters', 'show', '1-1'], 3],
    [['dead-letters', 'list', '--limit', '501'], 2],
    [['dead-letters', 'list', '--since', 'yesterday'], 2],
    [['dead-letters', 'replay'], 2],
    [['dead-letters', 'replay', '1-1', '--all'], 2],
    [['dead-letters', 'replay', '1-1', '--rate', '5'], 2],
    [['dead-letters', 'replay', '1-1', '--payload', '{'], 2],
    [['nonsense'], 2],
    [['--token-file', '/does/not/exist', 'dead-letters', 'list'], 2],
    [['--help'], 0],
  ])('ends %j with code %i', async (args, code) => {
    expect((await cli(...args)).code).toBe(code);
  });

  it('takes the token from a file, and says when it is not allowed or finds nobody', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'order-streams-'));
    try {
      await writeFile(join(directory, 'token'), `${TOKEN}\n`);
      const args = ['--token-file', join(directory, 'token'), 'dead-letters', 'list'];
      expect((await runCli(service.url, args)).code).toBe(0);
    } finally {
      await rm(directory, { recursive: true });
    }
    expect(await runCli(service.url, ['dead-letters', 'list'])).toMatchObject({ code: 4 });
    expect(await runCli('http://127.0.0.1:9', ['streams'])).toMatchObject({
      ...{ code: 1, stderr: expect.stringContaining('No answer from http://127.0.0.1:9') as string },
    });
  });

  describe('with an answer of GET /streams', () => {
    let server: Server;
    let url: string;
    const consumers = [{ consumer: 'web-1', pending: 9, idleMs: 5, hot: true }];
    const group = {
      group: 'order-group',
      lag: 'unknown',
      pending: 12,
      waiting: 3,
      oldestPendingAgeMs: 65_000,
      consumers,
    };
    const answer = {
      at: '2024-01-01T00:00:00.000Z',
      streams: [{ stream: 'orders', state: 'present', length: 7, deadLetters: 2, groups: [group] }],
    };
    beforeAll(async () => {
      server = createServer((_, response) => response.end(JSON.stringify(answer)));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    afterAll(() => new Promise((resolve) => server.close(resolve)));

    it('shows streams and groups', async () => {
      const { stdout } = await runCli(url, ['streams']);
      expect(stdout).toMatch(/orders .* 7 .* 2 .*order-group .*unknown .* 12 .* 3 .* 1m .* 1 \(one is hot\)/);
      expect(JSON.parse((await runCli(url, ['--json', 'streams'])).stdout)).toEqual(answer);
    });

    it('watches them', async () => {
      const { stdout } = await runCli(url, ['--json', 'watch', '--interval', '1', '--count', '2']);
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual([answer, answer]);
    });
  });
});
