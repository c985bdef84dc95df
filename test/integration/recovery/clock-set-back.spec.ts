import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { RedisClock } from '../../chaos/run/redis-clock.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { GROUP, startServer, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const TWELVE_HOURS_S = 43_200;

const canCompile = spawnSync('cc', ['--version']).status === 0;
if (!canCompile) process.stderr.write('Skipped: a clock of Redis that is set back needs cc, a C compiler.\n');

(canCompile ? describe : describe.skip)('A clock of Redis that was twelve hours ahead', () => {
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-clock-'));
  let clock: RedisClock;
  let server: TestRedis;
  let redis: Redis;
  let running: StartedServer[];
  let stream: string;
  beforeAll(async () => {
    clock = await RedisClock.make(directory);
    server = await startRedis({ kind: 'process' });
    await server.restart(clock.advance(0));
    redis = openRedis(server.url);
  });
  beforeEach(() => {
    stream = uniqueName('orders');
    running = [];
  });
  afterEach(() => Promise.all(running.map((one) => one.close())));
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = async (
    handler: (orderId: string) => unknown,
    options: { delayMs?: number; recoveryIntervalMs?: number } = {},
  ): Promise<StartedServer> => {
    const { delayMs = 200, ...rest } = options;
    const one = await startServer({
      ...{ stream, url: server.url },
      handler: ({ orderId }) => handler(String(orderId)),
      options: { ...rest, retry: { backoff: { type: 'fixed', delayMs } } },
    });
    running.push(one);
    return one;
  };
  const nothingPending = () =>
    eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
  const freed = () =>
    running.flatMap(({ told }) => told['clock-set-back']).reduce((sum, event) => sum + event.freed, 0);

  it('leaves no entry that failed, and none of a process that died, waiting for it', async () => {
    const failed = new Set<string>();
    await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
    await addOrders(redis, stream, numbered(600, 'orphan'));
    clock.advance(TWELVE_HOURS_S);
    await abandon(redis, stream, { idleMs: 0 });
    const one = await start(
      (orderId) => {
        if (!orderId.startsWith('bad') || failed.has(orderId)) return;
        failed.add(orderId);
        throw new Error('at first');
      },
      { delayMs: 5_000 },
    );
    const ids = await addOrders(redis, stream, numbered(20, 'bad'));
    await eventually(() => (one.told['retry-scheduled'].length === 20 ? true : undefined));
    await eventuallyPasses(async () =>
      expect(await redis.zcard(`{${stream}}:${GROUP}:retry`)).toBeGreaterThan(0),
    );
    clock.advance(-TWELVE_HOURS_S);
    await nothingPending();
    expect(ids.every((id) => one.told.processed.some(({ entryId }) => entryId === id))).toBe(true);
    expect(one.told.processed).toHaveLength(620);
    expect(one.told.vanished).toEqual([]);
    expect(freed()).toBeGreaterThan(0);
    const aheadMs = one.told['clock-set-back'][0]?.aheadMs ?? 0;
    expect(Math.abs(aheadMs / 1_000 - TWELVE_HOURS_S)).toBeLessThan(60);
    const counts = one.told.received.map(({ deliveryCount }) => deliveryCount);
    expect(Math.max(...counts)).toBe(2);
  });

  it('keeps the delay that a failed entry has left, its owner and its count', async () => {
    const one = await start(() => Promise.reject(new Error('fails')), { delayMs: 3_600_000 });
    clock.advance(TWELVE_HOURS_S);
    const [id = ''] = await addOrders(redis, stream, ['bad']);
    const waiting = `{${stream}}:${GROUP}:retry`;
    await eventuallyPasses(async () => expect(await redis.zcard(waiting)).toBe(1));
    clock.advance(-TWELVE_HOURS_S);
    await eventually(() => one.told['clock-set-back'][0]);
    const [seconds] = await redis.time();
    const leftMs = Number(await redis.zscore(waiting, id)) - Number(seconds) * 1_000;
    expect(leftMs).toBeLessThanOrEqual(3_602_000);
    expect(leftMs).toBeGreaterThan(3_000_000);
    expect(await pendingRows(redis, stream)).toMatchObject([{ id, owner: '@retry', count: 1 }]);
    await one.server.recovery.runOnce();
    expect(freed()).toBe(1);
  });

  it('leaves no deleted entry pending, and says of each that it vanished', async () => {
    const one = await start(() => Promise.reject(new Error('fails')), { delayMs: 3_600_000 });
    clock.advance(TWELVE_HOURS_S);
    const [parked = ''] = await addOrders(redis, stream, ['bad']);
    await eventually(() => one.told['retry-scheduled'][0]);
    await one.close();
    const [orphan = ''] = await addOrders(redis, stream, ['orphan']);
    await abandon(redis, stream, { idleMs: 0 });
    await redis.xdel(stream, parked, orphan);
    clock.advance(-TWELVE_HOURS_S);
    running = [];
    const next = await start(() => undefined);
    await nothingPending();
    await eventuallyPasses(() => {
      const vanished = next.told.vanished.flatMap(({ entryIds }) => entryIds);
      expect(vanished.sort()).toEqual([parked, orphan].sort());
    });
  });

  it('leaves no consumer of a dead process in the group', async () => {
    await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
    await addOrders(redis, stream, ['1']);
    clock.advance(TWELVE_HOURS_S);
    const [id = ''] = await abandon(redis, stream, { consumer: 'dead', idleMs: 0 });
    await redis.xack(stream, GROUP, id);
    clock.advance(-TWELVE_HOURS_S);
    const one = await start(() => undefined);
    const [unread = ''] = await addOrders(redis, stream, ['2']);
    await eventually(() => one.told.processed.find(({ entryId }) => entryId === unread));
    await eventuallyPasses(async () => {
      const names = (await redis.xinfo('CONSUMERS', stream, GROUP)) as unknown[][];
      expect(names.map((row) => row[1])).not.toContain('dead');
    });
    expect(one.told.reclaimed).toEqual([]);
  });
});
