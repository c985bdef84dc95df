import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const FOR_LONG = { retry: { backoff: { type: 'fixed', delayMs: 3_600_000 } } } as const;

describe('The waiting list', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  let waiting: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
    waiting = `{${stream}}:${GROUP}:retry`;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  async function start(setup: Partial<ServerSetup> = {}): Promise<StartedServer> {
    const handler: ServerSetup['handler'] = (_, context) =>
      context.getDeliveryCount() === 1 ? Promise.reject(new Error('once')) : undefined;
    const running = await startServer({ stream, handler, ...setup });
    started.push(running);
    return running;
  }
  const parked = (count: number) =>
    eventuallyPasses(async () => {
      const rows = await pendingRows(redis, stream);
      expect(rows.filter(({ owner }) => owner === '@retry')).toHaveLength(count);
    });

  it('is repaired from the pending entries when it is lost: what waited is due at once', async () => {
    const { told } = await start({ options: FOR_LONG });
    await addOrders(redis, stream, numbered(5));
    await parked(5);
    await redis.del(waiting);
    await eventually(() => (told.processed.length === 5 ? true : undefined));
    await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
    expect(await redis.exists(waiting)).toBe(0);
  });

  it('is rid of members that wait no more', async () => {
    const { told } = await start({ options: FOR_LONG });
    const ids = await addOrders(redis, stream, numbered(2));
    await parked(2);
    await redis.xack(stream, GROUP, ids[0] ?? '');
    await redis.zadd(waiting, Date.now() + 1e6, '1-1');
    await eventuallyPasses(async () => expect(await redis.zrange(waiting, 0, -1)).toEqual([ids[1]]));
    expect(told.processed).toEqual([]);
  });

  it('outlives every process: the entry goes on with the attempts that it had', async () => {
    const handler = (): never => {
      throw new Error('always');
    };
    const first = await start({ handler, options: { retry: { backoff: { type: 'fixed', delayMs: 400 } } } });
    await addOrders(redis, stream, ['1']);
    await eventually(() => first.told['retry-scheduled'][0]);
    await first.close();
    const [row] = await pendingRows(redis, stream);
    expect(row).toMatchObject({ owner: '@retry', count: 1 });

    const second = await start({ handler });
    await eventually(() => second.told['dead-lettered'].find(({ entryId }) => entryId === row?.id));
    const deliveries = started.flatMap(({ told }) =>
      told.received.filter(({ entryId }) => entryId === row?.id),
    );
    expect(deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 2, 3]);
    const letters = (await deadLetters(redis, stream)).filter(({ fields }) => fields.orderId === '1');
    expect(letters).toMatchObject([{ fields: { 'dlt-delivery-count': '3' } }]);
  });

  it('does not hold an entry for years when the clock jumped', async () => {
    const { told } = await start({ options: FOR_LONG });
    const [id = ''] = await addOrders(redis, stream, ['1']);
    await parked(1);
    await redis.zadd(waiting, Date.now() + 365 * 86_400_000, id);
    await eventually(() => told.processed[0]);
  });

  it.each([
    ['retry', 'the waiting list'],
    ['floor', 'the floor'],
    ['ack-waits', 'the ack waits'],
  ])(
    'or what else is kept beside the stream (%s) holding another type stops no fresh entry',
    async (part) => {
      const { told } = await start({ handler: () => undefined });
      await eventually(async () =>
        (await redis.exists(`{${stream}}:${GROUP}:floor`)) === 1 ? true : undefined,
      );
      const key = `{${stream}}:${GROUP}:${part}`;
      await redis.multi().del(key).hset(key, 'a', 'b').exec();
      await addOrders(redis, stream, ['1']);
      await eventually(() => told.processed[0]);
    },
  );
});
