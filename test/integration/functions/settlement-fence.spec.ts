import type { RedisStreamBroker } from '../../../src/transport/redis/broker/redis-stream-broker.js';
import type { EntryRef, Settlement } from '../../../src/transport/redis/settlement.js';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

const MINE = { owner: 'worker', leastIdleMs: 0, added: ['dlt-reason', 'malformed'], held: [], writes: [] };

type Step = (broker: RedisStreamBroker, stream: string, entry: EntryRef) => Promise<Settlement>;

/** The steps that end a delivery. */
const STEPS: Record<string, Step> = {
  park: (broker, stream, entry) => broker.park(stream, entry, 60_000, []),
  deadLetter: async (broker, stream, entry) =>
    (await broker.deadLetter(stream, { ...MINE, entry })).settlement,
  settle: (broker, stream, entry) => broker.settle(stream, entry, 'worker'),
};

onEveryServer('The fence of a settlement', (world) => {
  describe.each(Object.entries(STEPS))('of %s', (name, step) => {
    const run = (entry: EntryRef): Promise<Settlement> => step(world().broker(), world().stream, entry);

    it('lets the owner with the right count through, once: a repeat after a lost reply changes nothing', async () => {
      const id = await world().delivered();
      expect(await run({ id, deliveryCount: 1 })).toBe('done');
      const after = await world().dump();
      expect(await run({ id, deliveryCount: 1 })).toBe(name === 'settle' ? 'gone' : 'done');
      expect(await world().dump()).toEqual(after);
    });

    it.each<[string, Settlement, (at: FunctionWorld, id: string) => Promise<unknown>]>([
      ['another count', 'taken', (at, id) => at.redis.xclaim(at.stream, GROUP, 'worker', 0, id)],
      ['another owner', 'taken', (at, id) => at.redis.xclaim(at.stream, GROUP, 'thief', 0, id, 'JUSTID')],
      ['an acknowledged entry', 'gone', (at, id) => at.redis.xack(at.stream, GROUP, id)],
      [
        'an entry that waits since a later delivery',
        'gone',
        (at, id) => at.redis.xclaim(at.stream, GROUP, '@retry', 0, id, 'RETRYCOUNT', 2, 'JUSTID'),
      ],
      ['a group that is not there', 'gone', (at) => at.redis.xgroup('DESTROY', at.stream, GROUP)],
      ['a stream that is not there', 'gone', (at) => at.redis.del(at.stream)],
    ])('keeps out %s, and writes nothing', async (_, answer, disturb) => {
      const id = await world().delivered();
      await disturb(world(), id);
      const before = await world().dump();
      expect(await run({ id, deliveryCount: 1 })).toBe(answer);
      expect(await world().dump()).toEqual(before);
    });

    it('tells an entry that was deleted while it was pending', async () => {
      const id = await world().delivered();
      await world().redis.xdel(world().stream, id);
      expect(await run({ id, deliveryCount: 1 })).toBe(name === 'settle' ? 'done' : 'vanished');
    });
  });

  it('answers a repeat of a dead-lettering with the dead letter that there is', async () => {
    const id = await world().delivered();
    const request = { ...MINE, entry: { id, deliveryCount: 1 } };
    const first = await world().broker().deadLetter(world().stream, request);
    expect(first.deadLetterId).toBeDefined();
    expect(await world().broker().deadLetter(world().stream, request)).toEqual(first);
    expect(await world().redis.xlen(world().letters)).toBe(1);
  });

  it('dead-letters a deleted entry from the bytes that are held', async () => {
    const id = await world().delivered();
    await world().redis.xdel(world().stream, id);
    const request = {
      ...MINE,
      entry: { id, deliveryCount: 1 },
      held: ['orderId', Buffer.from([0xff, 0x41])],
    };
    const written = await world().broker().deadLetter(world().stream, request);
    expect(written.settlement).toBe('done');
    const [letter] = await world().redis.xrangeBuffer(world().letters, '-', '+');
    expect(letter?.[1][1]).toEqual(Buffer.from([0xff, 0x41]));
    expect(await world().row(id)).toBeUndefined();
  });

  it('dead-letters an abandoned entry only while its owner is silent', async () => {
    const id = await world().delivered();
    const request = { ...MINE, entry: { id, deliveryCount: 1 } };
    const other = world().broker('other');
    expect(await other.deadLetter(world().stream, { ...request, leastIdleMs: 60_000 })).toEqual({
      settlement: 'taken',
    });
    await world().redis.xclaim(world().stream, GROUP, 'worker', 0, id, 'IDLE', 60_000, 'JUSTID');
    const { settlement } = await other.deadLetter(world().stream, { ...request, leastIdleMs: 60_000 });
    expect(settlement).toBe('done');
  });

  it('hands back what is ours alone, uncharged, and a repeat hands back nothing', async () => {
    const mine = await world().delivered();
    const stolen = await world().delivered();
    const deleted = await world().delivered();
    await world().redis.xclaim(world().stream, GROUP, 'thief', 0, stolen, 'JUSTID');
    await world().redis.xdel(world().stream, deleted);
    const entries = [mine, stolen, deleted].map((id) => ({ id, deliveryCount: 1 }));
    expect(await world().broker().release(world().stream, entries)).toBe(1);
    const after = await world().dump();
    expect(await world().broker().release(world().stream, entries)).toBe(0);
    expect(await world().dump()).toEqual(after);
    expect(await world().row(mine)).toMatchObject({ owner: '@retry', count: 0 });

    const claim = await world().broker('next').claimDue(world().stream, 10, 60_000);
    expect(claim.entries).toMatchObject([{ entry: { id: mine }, deliveryCount: 1 }]);
  });

  it('extends what is ours, brings nothing back, and names what is lost', async () => {
    const ids = [await world().delivered(), await world().delivered(), await world().delivered()];
    const [mine = '', stolen = '', done = ''] = ids;
    for (const id of ids)
      await world().redis.xclaim(world().stream, GROUP, 'worker', 0, id, 'IDLE', 60_000, 'JUSTID');
    await world().redis.xclaim(world().stream, GROUP, 'thief', 0, stolen, 'IDLE', 60_000, 'JUSTID');
    await world().redis.xack(world().stream, GROUP, done);
    const lost = await world()
      .broker()
      .extend(
        world().stream,
        ids.map((id) => ({ id, deliveryCount: 1 })),
      );
    expect(lost.sort()).toEqual([stolen, done].sort());
    expect((await world().row(mine))?.idleMs).toBeLessThan(30_000);
    expect(await world().row(mine)).toMatchObject({ owner: 'worker', count: 1 });
    expect(await world().row(stolen)).toMatchObject({ owner: 'thief' });
    expect((await world().row(stolen))?.idleMs).toBeGreaterThanOrEqual(60_000);
    expect(await world().row(done)).toBeUndefined();
  });

  it('leaves a deleted entry pending when it is extended, so that its settlement can tell', async () => {
    const id = await world().delivered();
    await world().redis.xdel(world().stream, id);
    expect(
      await world()
        .broker()
        .extend(world().stream, [{ id, deliveryCount: 1 }]),
    ).toEqual([]);
    expect(await world().row(id)).toMatchObject({ owner: 'worker' });
  });
});
