import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

describe('A process that shuts down', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  async function start(setup: Partial<ServerSetup> = {}): Promise<StartedServer> {
    const running = await startServer({ stream, handler: () => undefined, ...setup });
    started.push(running);
    return running;
  }

  it('hands back uncharged what it did not start, and another handles it as its first delivery', async () => {
    let finish = (): void => undefined;
    const first = await start({
      options: { maxInFlight: 1 },
      handler: () => new Promise<void>((resolve) => (finish = resolve)),
    });
    await addOrders(redis, stream, numbered(20));
    await eventually(async () => ((await pendingRows(redis, stream)).length === 20 ? true : undefined));
    const closed = first.close();
    await eventuallyPasses(async () => {
      const rows = await pendingRows(redis, stream);
      expect(rows.filter(({ owner, count }) => owner === '@retry' && count === 0)).toHaveLength(19);
    });
    finish();
    await closed;
    expect(first.told.received).toHaveLength(1);
    expect(await redis.xinfo('CONSUMERS', stream, GROUP)).toHaveLength(1);

    const second = await start();
    await eventuallyPasses(() => expect(second.told.processed.length).toBeGreaterThanOrEqual(19));
    expect(new Set(second.told.processed.map(({ deliveryCount }) => deliveryCount))).toEqual(new Set([1]));
  });

  it('leaves pending what does not finish in time; another takes it over, counted', async () => {
    const first = await start({
      options: { shutdownGraceMs: 100 },
      handler: () => new Promise(() => undefined),
    });
    const [id] = await addOrders(redis, stream, ['slow']);
    await eventually(() => first.told.received[0]);
    await first.close();
    expect((await pendingRows(redis, stream)).find((row) => row.id === id)).toMatchObject({ count: 1 });
    const second = await start();
    await eventually(() => second.told.processed.find(({ entryId }) => entryId === id));
    expect(second.told.processed.find(({ entryId }) => entryId === id)).toMatchObject({ deliveryCount: 2 });
  });

  it('loses and charges nothing when processes come and go under load', async () => {
    const handler: ServerSetup['handler'] = () => new Promise((resolve) => setTimeout(resolve, 3));
    const ids: string[] = [];
    let before = await start({ handler, options: { maxInFlight: 4 } });
    for (let i = 0; i < 6; i += 1) {
      ids.push(...(await addOrders(redis, stream, numbered(100, `round-${i}`))));
      const next = await start({ handler, options: { maxInFlight: 4 } });
      await before.close();
      before = next;
    }
    const all = () => started.flatMap(({ told }) => told.processed);
    await eventuallyPasses(async () => {
      expect(await pendingRows(redis, stream)).toEqual([]);
      expect(all().filter(({ entryId }) => ids.includes(entryId))).toHaveLength(600);
    });
    expect(all().filter(({ deliveryCount }) => deliveryCount !== 1)).toEqual([]);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });
});
