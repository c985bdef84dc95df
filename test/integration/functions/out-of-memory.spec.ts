import { onEveryServer } from '../../support/function-world.js';

const MINE = { owner: 'worker', leastIdleMs: 0, added: ['dlt-reason', 'malformed'], held: [], writes: [] };

onEveryServer('A Redis that is out of memory', (world) => {
  const noMemory = async (): Promise<void> => {
    await world().redis.config('SET', 'maxmemory-policy', 'noeviction');
    await world().redis.config('SET', 'maxmemory', '1');
  };

  it('takes nothing in', async () => {
    await world().delivered();
    const take = () => world().call('enqueue', [world().stream], [0, 0, 0, '0', 0, 2, 'orderId', '1', 0]);
    await take();
    const length = await world().redis.xlen(world().stream);
    await noMemory();
    await expect(take()).rejects.toThrow(/OOM/);
    expect(await world().redis.xlen(world().stream)).toBe(length);
  });

  it('lets every entry on its way go on: park, claim, extend, hand back, dead-letter, settle, repair', async () => {
    const { redis, stream } = world();
    const ids = [await world().add(), await world().add(), await world().add(), await world().add()];
    const [failing = '', held = '', poison = '', done = ''] = ids;
    await world().deliver();
    const broker = world().broker();
    await broker.prepare(stream, true);
    await noMemory();

    const ref = (id: string, deliveryCount = 1) => ({ id, deliveryCount });
    const writes = [{ command: 'hset', key: world().key('record'), args: ['state', 'failed'] }] as const;
    expect(await broker.park(stream, ref(failing), 0, writes)).toBe('done');
    expect(await redis.hget(world().key('record'), 'state')).toBe('failed');
    expect((await broker.claimDue(stream, 10, 60_000)).entries).toMatchObject([{ entry: { id: failing } }]);
    expect(await broker.extend(stream, [ref(failing, 2)])).toEqual([]);
    const putOffs = { times: 1, forMs: 20 };
    expect(await broker.putOff(stream, ref(failing, 2), 0, { ...putOffs, longestRunMs: 1_000 })).toBe(1);
    expect(await broker.readPutOffs(stream, failing)).toEqual(putOffs);
    expect((await broker.claimDue(stream, 10, 60_000)).entries).toMatchObject([{ deliveryCount: 2 }]);
    expect(await broker.release(stream, [ref(failing, 2)])).toBe(1);
    expect(await broker.deadLetter(stream, { ...MINE, entry: ref(poison) })).toMatchObject({
      settlement: 'done',
    });
    expect(await broker.settle(stream, ref(done), 'worker')).toBe('done');
    const other = world().broker('other');
    expect((await other.claimAbandoned(stream, 'worker', 0, [ref(held)])).entries).toHaveLength(1);
    await redis.del(world().key('retry'));
    expect(await broker.repairWaiting(stream)).toBe(1);
    await broker.keepFloor(stream);
    expect(await broker.reapConsumer(stream, 'worker', 0)).toBe(true);
    expect(await broker.trim(stream, { maxAgeMs: 60_000, maxEntries: 1 })).toMatchObject({ staleGroups: [] });
    await broker.ensureGroup(`${stream}.new`);
  });

  it('lets the recovery learn the ack wait of the group, the first thing that each run does', async () => {
    await world().delivered();
    await noMemory();
    const announced = world().broker().announce(world().stream, 'ack-waits', 1_000, ['worker']);
    await expect(announced).resolves.toBe(1_000);
  });

  it('lets a streak of errors be read and written with the parking', async () => {
    const id = await world().delivered();
    await noMemory();
    const broker = world().broker();
    const streak = { errorName: 'Error', beganAtRetry: 0 };
    const writes = broker.errorStreakWrites(world().stream, id, streak, 10);
    expect(await broker.park(world().stream, { id, deliveryCount: 1 }, 10, writes)).toBe('done');
    expect(await broker.readErrorStreak(world().stream, id)).toEqual(streak);
  });
});
