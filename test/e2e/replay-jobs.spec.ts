import { Redis } from 'ioredis';
import type { ReplayJobDto } from '../../src/operations/dead-letters/dto/replay-job.dto.js';
import { eventually } from '../support/eventually.js';
import { get, post, send } from '../support/http.js';
import { noteLetters } from '../support/provenance.js';
import { onceEach, seedDeadLetters, timesInStream } from '../support/seeded-dead-letters.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

const GROUP = 'order-group';

describe('A replay job', () => {
  let stream: string;
  let redis: Redis;
  let service: Service;

  const start = () => startService({ REDIS_URL: sharedRedisUrl(), STREAM_KEY: stream });

  beforeEach(async () => {
    stream = uniqueName('orders');
    redis = new Redis(sharedRedisUrl());
    service = await start();
  });

  afterEach(async () => {
    await endServices();
    redis.disconnect();
  });

  const jobs = () => `${service.url}/dead-letters/replay`;

  const begin = async (body: object = {}): Promise<ReplayJobDto> => {
    const { status, body: job } = await post<ReplayJobDto>(jobs(), body);
    expect(status).toBe(202);
    return job;
  };

  const find = async (job: string) => (await get<ReplayJobDto>(`${jobs()}/${job}`)).body;

  const ended = (job: string) =>
    eventually(async () => {
      const found = await find(job);
      return found.state === 'running' ? undefined : found;
    });

  const replayedAtLeast = (job: string, count: number) =>
    eventually(async () => ((await find(job)).replayed >= count ? true : undefined));

  it('replays 1,000 dead letters with progress, is cancelled, and another one takes the rest: each once', async () => {
    const orderIds = await seedDeadLetters(redis, { stream, group: GROUP, count: 1_000, prefix: 'many-' });
    const first = await begin({ ratePerSecond: 500, reason: 'the bank is back' });
    expect(first).toMatchObject({ state: 'running', total: 1_000, totalComplete: true, by: 'loopback' });
    expect(await post(jobs(), {})).toMatchObject({ status: 409, body: { job: first.job } });
    await replayedAtLeast(first.job, 200);

    const cancelled = await send<ReplayJobDto>('DELETE', `${jobs()}/${first.job}`);
    expect(cancelled).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    const left = await redis.xlen(`${stream}.DLT`);
    expect(left).toBe(1_000 - cancelled.body.replayed);
    expect(left).toBeGreaterThan(0);
    expect(await send('DELETE', `${jobs()}/${first.job}`)).toMatchObject({ body: { state: 'cancelled' } });

    const second = await begin({ ratePerSecond: 2_000 });
    expect(await ended(second.job)).toMatchObject({
      ...{ state: 'done', total: left, replayed: left, skipped: 0, repeated: 0 },
      endedAt: expect.any(String) as string,
    });
    expect((await get(`${jobs()}/${first.job}`)).status).toBe(404);
    expect((await get<{ current: object }>(jobs())).body.current).toMatchObject({ job: second.job });
    expect(await redis.xlen(`${stream}.DLT`)).toBe(0);
    expect(await timesInStream(redis, stream)).toEqual(onceEach(orderIds));

    const { items } = (
      await get<{ items: { action: string }[] }>(`${service.url}/dead-letters/audit?limit=1`)
    ).body;
    expect(items).toMatchObject([
      { action: 'end-replay-job', details: { job: second.job, replayed: String(left) } },
    ]);
  });

  it('goes on where it stood when its process is killed, in another one: each once', async () => {
    const orderIds = await seedDeadLetters(redis, { stream, group: GROUP, count: 600, prefix: 'killed-' });
    const { job } = await begin({ ratePerSecond: 400 });
    await replayedAtLeast(job, 150);
    await service.end('SIGKILL');
    const before = Number(await redis.hget(`{${stream}}:@replay-job`, 'replayed'));
    expect(before).toBeLessThan(600);

    service = await start();
    expect(await ended(job)).toMatchObject({ state: 'done', total: 600, replayed: 600, skipped: 0 });
    expect(await timesInStream(redis, stream)).toEqual(onceEach(orderIds));
  });

  it('goes on at once in another process when its own is stopped in order', async () => {
    const orderIds = await seedDeadLetters(redis, { stream, group: GROUP, count: 300, prefix: 'stopped-' });
    const { job } = await begin({ ratePerSecond: 200 });
    await replayedAtLeast(job, 50);
    expect((await service.end('SIGTERM')).code).toBe(0);
    expect(await redis.exists(`{${stream}}:@replay-lease`)).toBe(0);
    service = await start();
    expect(await ended(job)).toMatchObject({ state: 'done', replayed: 300 });
    expect(await timesInStream(redis, stream)).toEqual(onceEach(orderIds));
  });

  it('takes what its filter means, counts what is replayed again, and skips what cannot go back', async () => {
    const seed = (prefix: string, count: number, replays = 0) =>
      seedDeadLetters(redis, { stream, group: GROUP, count, prefix, replays });
    await seed('again-', 3, 2);
    await seed('first-', 4);
    await redis.xadd(
      `${stream}.DLT`,
      '*',
      'orderId',
      'x',
      'dlt-reason',
      'retries-exhausted',
      'dlt-original-stream',
      'y',
    );
    await redis.xadd(`${stream}.DLT`, '*', 'orderId', 'z', 'dlt-reason', 'malformed');

    const dry = await post<{ sample: object[] }>(jobs(), {
      dryRun: true,
      filter: { reason: 'retries-exhausted' },
    });
    expect(dry).toMatchObject({
      status: 200,
      body: { dryRun: true, total: 7, foreign: 1, totalComplete: true },
    });
    expect(dry.body.sample).toHaveLength(8);
    expect(dry.body.sample[0]).toMatchObject({ orderId: 'again-0' });
    expect(await redis.xlen(`${stream}.DLT`)).toBe(9);

    const one = await begin({ filter: { orderId: 'first-2' } });
    expect(await ended(one.job)).toMatchObject({ total: 1, replayed: 1, filter: { orderId: 'first-2' } });
    const all = await begin({ filter: { reason: 'retries-exhausted' }, ratePerSecond: 1_000 });
    expect(await ended(all.job)).toMatchObject({
      total: 7,
      replayed: 6,
      repeated: 3,
      skipped: 1,
      state: 'done',
    });
    expect(await redis.xlen(`${stream}.DLT`)).toBe(2);
    const none = await begin({ filter: { orderId: 'nobody' } });
    expect(await ended(none.job)).toMatchObject({ total: 0, replayed: 0, state: 'done' });
  });

  it('does not replay what fails again meanwhile', async () => {
    const fields = ['data', '{"orderId":"bad","admin":1}', 'dlt-reason', 'not-retryable'];
    const id = await redis.xadd(`${stream}.DLT`, '*', ...fields);
    await noteLetters(redis, stream, [id ?? '']);
    const { job } = await begin({ ratePerSecond: 1_000 });
    expect(await ended(job)).toMatchObject({ total: 1, replayed: 1 });
    await eventually(async () => ((await redis.xlen(`${stream}.DLT`)) === 1 ? true : undefined));
    expect(await find(job)).toMatchObject({ replayed: 1, state: 'done' });
  });

  it('is refused when it is not clear what is meant', async () => {
    const bodies = [
      ...[{ ratePerSecond: 0 }, { ratePerSecond: 1.5 }, { filter: { colour: 'red' } }, { filter: 'all' }],
      ...[{ filter: { since: 'yesterday' } }, { dryRun: 'no' }, { everything: true }],
    ];
    for (const body of bodies) expect((await post(jobs(), body)).status).toBe(400);
  });
});
