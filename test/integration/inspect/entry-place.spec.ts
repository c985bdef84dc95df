import { Cluster, Redis } from 'ioredis';
import {
  InvalidOptionError,
  RedisStreamsServer,
  RedisUnavailableError,
  StreamInspector,
  StreamUnusableError,
  type CommandSender,
  type EntryPlace,
} from '../../../src/transport/index.js';
import { RedisStreamBroker } from '../../../src/transport/redis/broker/redis-stream-broker.js';
import { ClusterWorld } from '../../support/cluster.js';
import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';
import { startProxy } from '../../support/tcp-proxy.js';

onEveryServer('Where an entry is', (world) => {
  const inspector = () => new StreamInspector(world().redis);
  const locate = (id: string, group = GROUP): Promise<EntryPlace> =>
    inspector().locate(world().stream, group, id);
  const at = (entryId: string) => ({ stream: world().stream, group: GROUP, entryId });
  const redisTime = async () => Number((await world().redis.time())[0]) * 1_000;

  it('is unread until the group is given it, also by a group that does not exist', async () => {
    const id = await world().add();
    expect(await locate(id)).toEqual({ ...at(id), state: 'unread' });
    expect(await locate(id, 'nobody')).toEqual({ ...at(id), group: 'nobody', state: 'unread' });
    await world().deliver('worker');
    expect(await locate(id, 'nobody')).toMatchObject({ state: 'unread' });
  });

  it('is with its holder, who has had it as many times as were counted', async () => {
    const id = await world().delivered();
    const idleMs = expect.any(Number) as number;
    expect(await locate(id)).toEqual({
      ...at(id),
      ...{ state: 'pending', holder: 'worker', deliveryCount: 1, idleMs },
    });
    await world().redis.xclaim(world().stream, GROUP, 'other', 0, id);
    expect(await locate(id)).toMatchObject({ state: 'pending', holder: 'other', deliveryCount: 2 });
  });

  it('waits for a retry, due at a time, until that is taken up', async () => {
    const { stream } = world();
    const [first, second] = [await world().add(), await world().add()];
    await world().deliver();
    expect(await inspector().nextDueAtMs(stream, GROUP)).toBeUndefined();
    const before = await redisTime();
    await world().broker().park(stream, { id: first, deliveryCount: 1 }, 600_000, []);
    await world().broker().park(stream, { id: second, deliveryCount: 1 }, 60_000, []);

    const place = await locate(first);

    const dueAtMs = expect.any(Number) as number;
    expect(place).toEqual({ ...at(first), state: 'waiting', deliveryCount: 1, dueAtMs });
    expect(place).not.toHaveProperty('holder');
    const due = 'dueAtMs' in place ? (place.dueAtMs ?? 0) : 0;
    expect(Math.floor((due - before) / 60_000)).toBe(10);
    const next = await inspector().nextDueAtMs(stream, GROUP);
    expect(await locate(second)).toMatchObject({ state: 'waiting', dueAtMs: next });

    await world().broker('taker').claimDue(stream, 10, 1);
    expect(await locate(first)).toMatchObject({ state: 'pending', holder: 'taker', deliveryCount: 2 });
    expect(await inspector().nextDueAtMs(stream, GROUP)).toBeUndefined();
  });

  it('is settled when the group is done with it, or was made behind it', async () => {
    const { redis, stream } = world();
    const id = await world().delivered();
    await redis.xack(stream, GROUP, id);
    expect(await locate(id)).toEqual({ ...at(id), state: 'settled' });
    await redis.xgroup('CREATE', stream, 'late', '$');
    expect(await locate(id, 'late')).toMatchObject({ state: 'settled' });
  });

  it('is nowhere when it was deleted, unless the group has something left of it', async () => {
    const { redis, stream } = world();
    const unread = await world().add();
    const id = await world().delivered();
    await redis.xack(stream, GROUP, unread);
    await redis.xdel(stream, unread, id);
    expect(await locate(unread)).toEqual({ ...at(unread), state: 'deleted' });
    expect(await locate(id)).toMatchObject({ state: 'pending', holder: 'worker' });
    expect(await locate('1-1')).toMatchObject({ state: 'deleted' });
  });

  it('is nowhere when there is no stream, and cannot be said where something else is', async () => {
    expect(await locate('1-1')).toEqual({ ...at('1-1'), state: 'deleted' });
    await world().redis.set(world().stream, 'x');
    await expect(locate('1-1')).rejects.toThrow(StreamUnusableError);
  });

  it.each(['-', '+', '7', '', '1-1 ', '1-*'])(
    'is not looked for by "%s", which is no whole id',
    async (id) => {
      await world().delivered();
      await expect(locate(id)).rejects.toThrow(InvalidOptionError);
    },
  );

  it.each([1, 2, 3, 4])('is not taken for settled when it is delivered after command %i', async (when) => {
    const { redis, stream } = world();
    const id = await world().add();
    let commands = 0;
    const sender: CommandSender = {
      call: async (command, ...args) => {
        const reply = await redis.call(command, ...args);
        commands += 1;
        if (commands === when) await world().deliver();
        return reply;
      },
    };
    const { state } = await new StreamInspector(sender).locate(stream, GROUP, id);
    expect(['unread', 'pending']).toContain(state);
  });

  it('is not known when Redis does not answer', async () => {
    const { host, port } = world().server;
    const proxy = await startProxy(host, port);
    const redis = new Redis({ host: '127.0.0.1', port: proxy.port, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    try {
      await redis.ping();
      proxy.blackhole();
      const blind = new StreamInspector(redis);
      const looks = [blind.locate(world().stream, GROUP, '1-1'), blind.nextDueAtMs(world().stream, GROUP)];
      const ends = await Promise.allSettled(looks);
      for (const end of ends)
        expect(end).toMatchObject({ reason: expect.any(RedisUnavailableError) as Error });
    } finally {
      redis.disconnect();
      await proxy.stop();
    }
  });
});

describe('Where an entry is, on a cluster', () => {
  let cluster: ClusterWorld;
  beforeAll(async () => {
    cluster = await ClusterWorld.start();
  });
  afterAll(() => cluster.stop());

  it.each(['orders', 'shop.orders', '{tea}.orders'])('is found by the keys beside %s', async (pattern) => {
    const { connection } = cluster;
    const client = new Cluster([...connection.cluster]);
    const server = new RedisStreamsServer({ connection, group: GROUP });
    const stream = server.streamKey(pattern);
    const broker = new RedisStreamBroker({ connection, group: GROUP, consumer: 'worker', blockMs: 1 });
    try {
      const inspector = new StreamInspector(client);
      const id = (await client.xadd(stream, '*', 'orderId', '1')) ?? '';
      await client.xgroup('CREATE', stream, GROUP, '0');
      expect(await inspector.locate(stream, GROUP, id)).toMatchObject({ stream, state: 'unread' });
      await client.xreadgroup('GROUP', GROUP, 'worker', 'STREAMS', stream, '>');
      expect(await inspector.locate(stream, GROUP, id)).toMatchObject({ state: 'pending', holder: 'worker' });
      await broker.park(stream, { id, deliveryCount: 1 }, 60_000, []);
      const dueAtMs = await inspector.nextDueAtMs(stream, GROUP);
      expect(dueAtMs).toEqual(expect.any(Number));
      expect(await inspector.locate(stream, GROUP, id)).toMatchObject({ state: 'waiting', dueAtMs });
      await client.xack(stream, GROUP, id);
      expect(await inspector.locate(stream, GROUP, id)).toMatchObject({ state: 'settled' });
    } finally {
      await broker.close();
      await server.close();
      client.disconnect();
    }
  });
});
