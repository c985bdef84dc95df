import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

const FAR = 86_400_000;

onEveryServer('Claims', (world) => {
  const park = async (delayMs: number): Promise<string> => {
    const id = await world().delivered();
    await world().broker().park(world().stream, { id, deliveryCount: 1 }, delayMs, []);
    return id;
  };
  const due = async (limit = 100, maxDelayMs = FAR): Promise<string[]> => {
    const { entries } = await world().broker('next').claimDue(world().stream, limit, maxDelayMs);
    return entries.map(({ entry }) => entry.id);
  };
  const waiting = (): Promise<string[]> => world().redis.zrange(world().key('retry'), 0, -1);

  it('take what is due, earliest first, at most as many as asked for, each counted once more', async () => {
    const ids = [await park(0), await park(0), await park(0), await park(60_000)];
    expect(await due(2)).toEqual(ids.slice(0, 2));
    expect(await due(2)).toEqual(ids.slice(2, 3));
    expect(await due(2)).toEqual([]);
    expect(await waiting()).toEqual([ids[3]]);
    expect(await world().row(ids[0] ?? '')).toMatchObject({ owner: 'next', count: 2 });
  });

  it('take at most 500 in one call, whatever was asked for', async () => {
    const pipeline = world().redis.pipeline();
    for (let i = 0; i < 600; i += 1) pipeline.xadd(world().stream, '*', 'orderId', i);
    await pipeline.exec();
    await world().delivered();
    const page = (await world().redis.xrange(world().stream, '-', '+')).map(([id]) => ({
      id,
      deliveryCount: 1,
    }));
    expect(await world().broker().release(world().stream, page)).toBe(601);
    expect(await due(10_000)).toHaveLength(500);
    expect(await due(10_000)).toHaveLength(101);
  });

  it('take what is due further off than the longest delay: the clock jumped', async () => {
    const id = await park(60_000);
    expect(await due(10, 61_000)).toEqual([]);
    await world().redis.zadd(world().key('retry'), Date.now() + 10 * FAR, id);
    expect(await due(10, 61_000)).toEqual([id]);
  });

  it('give one entry to one process when two ask at once', async () => {
    const id = await park(0);
    const brokers = Array.from({ length: 8 }, (_, i) => world().broker(`replica-${i}`));
    const claims = await Promise.all(brokers.map((broker) => broker.claimDue(world().stream, 10, FAR)));
    expect(claims.flatMap(({ entries }) => entries)).toHaveLength(1);
    expect(await world().row(id)).toMatchObject({ count: 2 });
  });

  it('pass over members that do not wait any more, and name what was deleted while it waited', async () => {
    const [done, stolen, deleted] = [await park(0), await park(0), await park(0)];
    await world().redis.xack(world().stream, GROUP, done);
    await world().redis.xclaim(world().stream, GROUP, 'thief', 0, stolen, 'JUSTID');
    await world().redis.xdel(world().stream, deleted);
    const claim = await world().broker('next').claimDue(world().stream, 10, FAR);
    expect(claim).toEqual({ entries: [], vanished: [deleted] });
    expect(await waiting()).toEqual([]);
    expect(await world().row(deleted)).toBeUndefined();
    expect(await world().row(stolen)).toMatchObject({ owner: 'thief', count: 1 });
  });

  it('take abandoned entries under a fence of owner, count and idle time', async () => {
    const ids = [
      await world().add(),
      await world().add(),
      await world().add(),
      await world().add(),
      await world().add(),
    ];
    await world().deliver('dead');
    const [old = '', young = '', counted = '', stolen = '', deleted = ''] = ids;
    for (const id of [old, counted, stolen, deleted])
      await world().redis.xclaim(world().stream, GROUP, 'dead', 0, id, 'IDLE', 60_000, 'JUSTID');
    await world().redis.xclaim(world().stream, GROUP, 'thief', 0, stolen, 'IDLE', 60_000, 'JUSTID');
    await world().redis.xclaim(world().stream, GROUP, 'dead', 0, counted, 'IDLE', 60_000, 'RETRYCOUNT', 2);
    await world().redis.xdel(world().stream, deleted);
    const refs = ids.map((id) => ({ id, deliveryCount: 1 }));
    const claim = await world().broker('next').claimAbandoned(world().stream, 'dead', 30_000, refs);
    expect(claim.entries).toMatchObject([{ entry: { id: old }, deliveryCount: 2 }]);
    expect(claim.vanished).toEqual([deleted]);
    expect(await world().row(young)).toMatchObject({ owner: 'dead' });

    const again = await world().broker('next').claimAbandoned(world().stream, 'dead', 30_000, refs);
    expect(again).toEqual({ entries: [], vanished: [] });
    expect(await world().row(old)).toMatchObject({ owner: 'next', count: 2 });
  });
});

onEveryServer('Claims of many', (world) => {
  it('take hundreds at once, each counted by itself, whatever stands between them and in whatever order', async () => {
    const { redis, stream } = world();
    const ids: string[] = [];
    for (let i = 0; i < 600; i += 1) ids.push(await world().add());
    await world().deliver('dead', 600);
    const [young = '', counted = '', stolen = '', deleted = ''] = [ids[100], ids[201], ids[300], ids[400]];
    await redis.xclaim(stream, GROUP, 'dead', 0, ...ids, 'IDLE', 60_000, 'JUSTID');
    await redis.xclaim(stream, GROUP, 'dead', 0, young, 'IDLE', 0, 'JUSTID');
    await redis.xclaim(stream, GROUP, 'dead', 0, counted, 'IDLE', 60_000, 'RETRYCOUNT', 4, 'JUSTID');
    await redis.xclaim(stream, GROUP, 'thief', 0, stolen, 'IDLE', 60_000, 'JUSTID');
    await redis.xdel(stream, deleted);
    const refs = ids
      .filter((_id, i) => i % 3 !== 2)
      .map((id) => ({ id, deliveryCount: id === counted ? 4 : 1 }));
    const shuffled = [...refs.slice(250), ...refs.slice(0, 250), ...refs.slice(0, 1)];

    const claim = await world().broker('next').claimAbandoned(stream, 'dead', 30_000, shuffled);
    const free = refs.filter(({ id }) => ![young, stolen, deleted].includes(id));
    const taken = new Map(claim.entries.map(({ entry, deliveryCount }) => [entry.id, deliveryCount]));
    expect(claim.entries).toHaveLength(free.length);
    expect(free.filter(({ id, deliveryCount }) => taken.get(id) !== deliveryCount + 1)).toEqual([]);
    expect(claim.vanished).toEqual([deleted]);
    expect(await world().row(stolen)).toMatchObject({ owner: 'thief' });
    expect(await world().row(young)).toMatchObject({ owner: 'dead', count: 1 });
    expect(await world().row(counted)).toMatchObject({ owner: 'next', count: 5 });
    expect(await world().row(ids[0] ?? '')).toMatchObject({ owner: 'next', count: 2 });
  });
});

onEveryServer('Repairs', (world) => {
  it('put back what the waiting list lost, take out what is left over, and do nothing otherwise', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 1_203; i += 1) ids.push(await world().add());
    await world().deliver('worker', 2_000);
    for (let at = 0; at < ids.length; at += 400)
      await world().redis.xclaim(world().stream, GROUP, '@retry', 0, ...ids.slice(at, at + 400), 'JUSTID');
    expect(await world().broker().repairWaiting(world().stream)).toBe(1_203);
    expect(await world().broker().repairWaiting(world().stream)).toBe(0);

    await world().redis.xack(world().stream, GROUP, ...ids.slice(0, 700));
    expect(await world().broker().repairWaiting(world().stream)).toBe(700);
    expect(await world().redis.zcard(world().key('retry'))).toBe(503);
  });

  it('delete a consumer only while nothing is pending for it and it is long idle, never the parking one', async () => {
    const id = await world().delivered(['a', 'b']);
    const broker = world().broker('other');
    expect(await broker.reapConsumer(world().stream, 'worker', 0)).toBe(false);
    expect(await world().row(id)).toMatchObject({ owner: 'worker' });
    await world().redis.xack(world().stream, GROUP, id);
    expect(await broker.reapConsumer(world().stream, 'worker', 60_000)).toBe(false);
    await world().broker('worker').announce(world().stream, 'ack-waits', 5_000, []);
    expect(await broker.reapConsumer(world().stream, 'worker', 0)).toBe(true);
    expect(await broker.reapConsumer(world().stream, 'worker', 0)).toBe(false);
    expect(await world().redis.zcard(world().key('ack-waits'))).toBe(0);
    await world().redis.xgroup('CREATECONSUMER', world().stream, GROUP, '@retry');
    expect(await broker.reapConsumer(world().stream, '@retry', 0)).toBe(false);
    expect(await broker.reapConsumer(`${world().stream}.none`, 'worker', 0)).toBe(false);
  });

  it('know the longest ack wait of all processes of the group, and forget those that are gone', async () => {
    const [quick, slow] = [world().broker('quick'), world().broker('slow')];
    const both = ['quick', 'slow'];
    const { stream } = world();
    expect(await quick.announce(stream, 'ack-waits', 100, both)).toBe(100);
    expect(await slow.announce(stream, 'ack-waits', 5_000, both)).toBe(5_000);
    expect(await quick.announce(stream, 'ack-waits', 100, both)).toBe(5_000);
    expect(await slow.announce(stream, 'ack-waits', 50, both)).toBe(100);
    expect(await quick.announce(stream, 'ack-waits', 20, ['quick'])).toBe(20);
    expect(await world().redis.zrange(world().key('ack-waits'), 0, -1)).toEqual(['quick']);
  });
});
