import type { Redis } from 'ioredis';
import type { UnreadSight } from '../../../src/transport/redis/settlement.js';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { numbered } from '../../support/group-view.js';
import { ReadingProcess } from '../../support/reading-process.js';
import { GROUP } from '../../support/started-server.js';

const LARGEST = '18446744073709551615-18446744073709551615';

onEveryServer('What leaves a stream unread', (current) => {
  const world = (): FunctionWorld => current();
  const start = (name = 'anna') => ReadingProcess.start(world(), name);
  const add = async (count: number): Promise<string[]> => {
    const added = await Promise.all(
      numbered(count).map((orderId) => world().redis.xadd(world().stream, '*', 'orderId', orderId)),
    );
    return added.map(String);
  };
  const setTo = (id: string): Promise<unknown> => world().redis.xgroup('SETID', world().stream, GROUP, id);
  /** Looks until nothing is open, whatever the number of processes. */
  const lookOften = async (...processes: ReadingProcess[]): Promise<UnreadSight[]> => {
    const sights: UnreadSight[] = [];
    // What limits how often a page is walked over is the clock of Redis; it is made to have been long ago.
    for (let i = 0; i < 4; i += 1) {
      for (const process of processes) {
        await forgetWalk({ redis: world().redis, key: world().key('unread') });
        sights.push(await process.look());
      }
    }
    return sights;
  };
  const lostIn = (sights: readonly UnreadSight[]): unknown[] => sights.flatMap(({ lost }) => lost ?? []);
  /** A process that has read ten, with `count` unread behind them. */
  const behind = async (count: number) => {
    const { process } = await start();
    await add(10);
    await process.readNew();
    await lookOften(process);
    return { process, unread: await add(count) };
  };

  describe('is counted when no process runs', () => {
    it.each<[string, number, string, (ids: string[]) => Promise<unknown>]>([
      ['trimmed', 40, 'removed', () => world().redis.xtrim(world().stream, 'MAXLEN', '=', 10)],
      ['trimmed away whole', 50, 'removed', () => world().redis.xtrim(world().stream, 'MAXLEN', '=', 0)],
      [
        'deleted in the middle',
        3,
        'removed',
        (ids) => world().redis.xdel(world().stream, ...ids.slice(20, 23)),
      ],
      ['deleted at the end', 2, 'removed', (ids) => world().redis.xdel(world().stream, ...ids.slice(-2))],
      ['passed over', 50, 'skipped', () => setTo('$')],
      ['passed over in part', 20, 'skipped', (ids) => setTo(ids[19] ?? '')],
    ])('%s', async (_, count, reason, remove) => {
      const { process, unread } = await behind(50);
      await process.end();
      await remove(unread);
      const { process: next, sight } = await start('bert');
      expect(sight.lost).toEqual({ count, isLeast: false, reason });
      await next.readNew();
      expect(lostIn(await lookOften(next))).toEqual([]);
      expect((await next.look()).lostInAll).toMatchObject({ count });
    });
  });

  describe('is counted while processes read', () => {
    it.each<[string, number, string, (ids: string[]) => Promise<unknown>]>([
      ['trimmed', 40, 'removed', () => world().redis.xtrim(world().stream, 'MAXLEN', '=', 10)],
      [
        'deleted in the middle',
        3,
        'removed',
        (ids) => world().redis.xdel(world().stream, ...ids.slice(20, 23)),
      ],
      ['deleted at the end', 2, 'removed', (ids) => world().redis.xdel(world().stream, ...ids.slice(-2))],
      ['passed over', 50, 'skipped', () => setTo('$')],
    ])('%s, and read on at once', async (_, count, reason, remove) => {
      const { process, unread } = await behind(50);
      const { process: other } = await start('bert');
      await lookOften(process, other);
      await remove(unread);
      await add(5);
      await other.readNew(3);
      await process.readNew();
      const sights = await lookOften(other, process);
      const lost = lostIn(sights) as { count: number }[];
      expect(lost.reduce((sum, found) => sum + found.count, 0)).toBe(count);
      expect(lost[0]).toMatchObject({ reason });
      expect(lostIn(await lookOften(process, other))).toEqual([]);
    });

    it('an entry that trims itself away', async () => {
      const { process } = await behind(0);
      await world().redis.xadd(world().stream, 'MAXLEN', '=', 0, '*', 'orderId', 'gone');
      expect(lostIn(await lookOften(process))).toEqual([{ count: 1, isLeast: false, reason: 'removed' }]);
    });

    it('at least one, where more lies behind than a page', async () => {
      const { process } = await behind(0);
      await add(250);
      await process.readNew(120);
      const unread = (await world().redis.xrange(world().stream, '-', '+')).slice(-100).map(([id]) => id);
      await world().redis.xdel(world().stream, ...unread.slice(0, 7));
      const sights = await lookOften(process);
      expect(sights.flatMap(({ lost }) => lost ?? []).length).toBeGreaterThan(0);
      await process.readNew();
      sights.push(...(await lookOften(process)));
      expect(sights.reduce((sum, { lost }) => sum + (lost?.count ?? 0), 0)).toBe(7);
    });
  });

  it('is answered once, and again to the repeat of the same call', async () => {
    const { process } = await behind(50);
    await process.end();
    await world().redis.xtrim(world().stream, 'MAXLEN', '=', 10);
    const keys = [world().stream, world().key('unread'), world().key('floor')];
    const call = (consumer: string): Promise<unknown> =>
      world().call('watch_unread', keys, [GROUP, consumer, 1, 0, 0, 'sc']);
    const answer = JSON.parse(String(await call('bert'))) as { lost?: number };
    expect(answer.lost).toBe(40);
    expect(JSON.parse(String(await call('bert')))).toEqual(answer);
    expect((JSON.parse(String(await call('clara'))) as { lost?: number }).lost).toBeUndefined();
  });

  describe('is not found where nothing was lost:', () => {
    it.each<[string, (ids: string[], process: ReadingProcess) => Promise<unknown>]>([
      ['handled entries are deleted', (ids) => world().redis.xdel(world().stream, ...ids.slice(0, 5))],
      ['handled entries are trimmed', () => world().redis.xtrim(world().stream, 'MAXLEN', '=', 3)],
      ['all of the stream is trimmed', () => world().redis.xtrim(world().stream, 'MAXLEN', '=', 0)],
      ['retention trims', () => world().broker('r').trim(world().stream, { maxAgeMs: 0, maxEntries: 1 })],
      ['the hard cap cuts', () => world().broker('r').cap(world().stream, 1)],
      ['the group is set back', (ids) => setTo(ids[2] ?? '')],
      ['the group is set where it is', () => setTo('$')],
      ['the last id is raised', async (ids) => raiseLastId(world(), ids)],
      ['somebody reads by hand', () => readByHand(world(), add)],
      ['a process dies after a read', (_, process) => dieAfterRead(world(), add, process)],
      ['the answer of a read is lost', (_, process) => loseRead(add, process)],
      ['the group is made again', () => remakeGroup(world())],
      ['the stream begins again', () => beginAgain(world())],
      ['what is known is lost', () => world().redis.del(world().key('unread'))],
      ['nonsense is written over it', () => world().redis.set(world().key('unread'), 'nonsense')],
    ])('%s', async (_, disturb) => {
      const { process } = await start();
      const ids = await add(20);
      await process.readNew();
      await lookOften(process);
      const sights: UnreadSight[] = [];
      await disturb(ids, process);
      sights.push(await process.look());
      await add(3);
      await process.readNew();
      sights.push(...(await lookOften(process)));
      const { process: other, sight } = await start('bert');
      await add(4);
      await other.readNew(2);
      await process.readNew(1);
      sights.push(sight, ...(await lookOften(other, process)));
      await process.end();
      await other.readNew();
      sights.push(...(await lookOften(other)));
      expect(lostIn(sights)).toEqual([]);
    });
  });

  describe('A group beyond the end of its stream', () => {
    it('is set to where it was, so that it is given what is added with the repaired ids', async () => {
      const { process } = await start();
      const [, last = ''] = await add(2);
      await process.readNew();
      await lookOften(process);
      await world().redis.xadd(world().stream, LARGEST, 'orderId', 'largest');
      await process.readNew();
      await lookOften(process);
      // Redis 8 does not set a stream back behind what was deleted by id.
      await world().redis.xtrim(world().stream, 'MAXLEN', '=', 0);
      await world().redis.call('XSETID', world().stream, last);
      const [added] = await add(1);
      expect((await process.look()).beyondEnd).toEqual({ from: LARGEST, to: last });
      await process.readNew();
      expect(process.read.slice(-1)).toEqual([added]);
      expect(
        (await lookOften(process)).filter(({ beyondEnd, lost }) => (beyondEnd ?? lost) !== undefined),
      ).toEqual([]);
    });

    it.each([
      ['to its floor', '5-0', '5-0'],
      ['to the beginning, where the floor lies beyond the end as well', LARGEST, '0-0'],
    ])('that nobody has seen before is set %s', async (_, floor, to) => {
      await world().add(['a', 'b'], '5-0');
      await world().add(['a', 'b'], '7-0');
      await setTo('9-0');
      await world().redis.set(world().key('floor'), floor);
      const { sight } = await start();
      expect(sight.beyondEnd).toEqual({ from: '9-0', to });
    });
  });

  it('the probe says what stands in the way of an order', async () => {
    const { redis, stream } = world();
    const broker = world().broker('probing');
    const probe = (): Promise<unknown> => broker.probe(stream);
    expect(await probe()).toBe('group-missing');
    await world().add();
    expect(await probe()).toBeUndefined();
    await setTo('99999999999999-0');
    expect(await probe()).toBe('group-beyond-end');
    await redis.xadd(stream, LARGEST, 'a', 'b');
    expect(await probe()).toBe('stream-full');
    await redis.del(stream);
    await redis.set(stream, 'text');
    await expect(probe()).rejects.toThrow(/WRONGTYPE/);
    await redis.config('SET', 'maxmemory', '1');
    await expect(probe()).rejects.toThrow(/^OOM/);
  });
});

/** How often a page may be walked over is limited by the clock; here no time passes. */
async function forgetWalk({ redis, key }: { redis: Redis; key: string }): Promise<void> {
  const forget = `local kept = redis.call('GET', KEYS[1])
    local ok, state = pcall(cjson.decode, kept or '{}')
    if ok and type(state) == 'table' and state.walked then
      state.walked = nil
      redis.call('SET', KEYS[1], cjson.encode(state))
    end`;
  await redis.eval(forget, 1, key);
}

async function raiseLastId({ redis, stream }: FunctionWorld, ids: readonly string[]): Promise<void> {
  await redis.call('XSETID', stream, `${Number.parseInt(ids.at(-1) ?? '', 10) + 5}-0`);
}

async function readByHand(
  { redis, stream }: FunctionWorld,
  add: (n: number) => Promise<unknown>,
): Promise<void> {
  await add(6);
  await redis.xreadgroup('GROUP', GROUP, 'by-hand', 'COUNT', 6, 'STREAMS', stream, '>');
}

async function dieAfterRead(
  world: FunctionWorld,
  add: (n: number) => Promise<unknown>,
  other: ReadingProcess,
): Promise<void> {
  const { process: dying } = await ReadingProcess.start(world, 'dying');
  await other.look();
  await add(6);
  await dying.readNew();
  await world.redis.xack(world.stream, GROUP, ...dying.read);
  await world.redis.xgroup('DELCONSUMER', world.stream, GROUP, 'dying');
}

async function remakeGroup(world: FunctionWorld): Promise<void> {
  await world.redis.xgroup('DESTROY', world.stream, GROUP);
  await startAndEnd(world);
}

async function beginAgain(world: FunctionWorld): Promise<void> {
  await world.redis.del(world.stream);
  await startAndEnd(world);
}

async function startAndEnd(world: FunctionWorld): Promise<void> {
  const { process } = await ReadingProcess.start(world, 'short-lived');
  await process.end();
}

async function loseRead(add: (n: number) => Promise<unknown>, process: ReadingProcess): Promise<void> {
  await add(5);
  await process.loseRead(5);
}
