import type { MarkerAnswer } from '../../../src/transport/redis/port.js';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

const HOUR_MS = 3_600_000;

onEveryServer('The marker of an idempotency key', (world) => {
  const marker = (): string => world().key('idempotent:orders:=42');

  async function begin(
    id: string,
    deliveryCount = 1,
    consumer = 'worker',
  ): Promise<MarkerAnswer | undefined> {
    const claim = { entry: { id, deliveryCount }, marker: marker(), ttlMs: HOUR_MS };
    return (await world().broker(consumer).begin(world().stream, [claim]))[0];
  }

  it('is taken by the first, and by its own repeat after a lost reply', async () => {
    const id = await world().delivered();
    expect(await begin(id)).toEqual({ state: 'begun' });
    expect(await begin(id)).toEqual({ state: 'begun' });
    expect(await world().redis.get(marker())).toBe(`${id}:1`);
    expect(await world().redis.pttl(marker())).toBeGreaterThan(HOUR_MS / 2);
  });

  it('stays for ever when the handler may take for ever', async () => {
    const id = await world().delivered();
    const claim = { entry: { id, deliveryCount: 1 }, marker: marker(), ttlMs: 0 };
    await world().broker().begin(world().stream, [claim]);
    expect(await world().redis.pttl(marker())).toBe(-1);
  });

  it('makes another entry wait while its owner works', async () => {
    const [first, second] = [await world().delivered(), await world().delivered()];
    await begin(first);
    await world().redis.xclaim(world().stream, GROUP, 'worker', 0, first, 'IDLE', 700, 'JUSTID');
    const answer = await begin(second);
    expect(answer?.state).toBe('busy');
    expect(answer?.state === 'busy' && answer.idleMs).toBeGreaterThanOrEqual(700);
    expect(await world().redis.get(marker())).toBe(`${first}:1`);
  });

  it.each<[string, (at: FunctionWorld, owner: string) => Promise<unknown>]>([
    ['waits for a retry', (at, id) => at.broker().park(at.stream, { id, deliveryCount: 1 }, 60_000, [])],
    ['was handed back', (at, id) => at.broker().release(at.stream, [{ id, deliveryCount: 1 }])],
    [
      'was dead-lettered',
      (at, id) =>
        at.broker().deadLetter(at.stream, {
          ...{ entry: { id, deliveryCount: 1 }, owner: 'worker', leastIdleMs: 0 },
          ...{ added: ['dlt-reason', 'malformed'], held: [], writes: [] },
        }),
    ],
    ['was given to another process', (at, id) => at.redis.xclaim(at.stream, GROUP, 'worker-2', 0, id)],
    ['was acknowledged', (at, id) => at.redis.xack(at.stream, GROUP, id)],
  ])('is free when its owner %s', async (_, leave) => {
    const [first, second] = [await world().delivered(), await world().delivered()];
    await begin(first);
    await leave(world(), first);
    expect(await begin(second)).toEqual({ state: 'begun' });
    expect(await world().redis.get(marker())).toBe(`${second}:1`);
  });

  it('goes with its entry to the next delivery', async () => {
    const id = await world().delivered();
    await begin(id);
    await world().redis.xclaim(world().stream, GROUP, 'next', 0, id);
    expect(await begin(id, 2, 'next')).toEqual({ state: 'begun' });
    expect(await world().redis.get(marker())).toBe(`${id}:2`);
  });

  it('tells a duplicate once it is done, also to the entry that has done it', async () => {
    const [first, second] = [await world().delivered(), await world().delivered()];
    await world().redis.set(marker(), `done:${first}`);
    expect(await begin(second)).toEqual({ state: 'duplicate' });
    expect(await begin(first)).toEqual({ state: 'duplicate' });
  });

  it.each<[string, MarkerAnswer['state'], (at: FunctionWorld, id: string) => Promise<unknown>]>([
    ['another count', 'taken', (at, id) => at.redis.xclaim(at.stream, GROUP, 'worker', 0, id)],
    ['another owner', 'taken', (at, id) => at.redis.xclaim(at.stream, GROUP, 'thief', 0, id, 'JUSTID')],
    ['an acknowledged entry', 'gone', (at, id) => at.redis.xack(at.stream, GROUP, id)],
    ['a group that is not there', 'gone', (at) => at.redis.xgroup('DESTROY', at.stream, GROUP)],
  ])('is not given to %s', async (_, state, disturb) => {
    const id = await world().delivered();
    await disturb(world(), id);
    const before = await world().dump();
    expect(await begin(id)).toEqual({ state });
    expect(await world().dump()).toEqual(before);
  });

  it('is refused where its key holds another type, and the others of the call are answered', async () => {
    const ids = [await world().delivered(), await world().delivered()];
    await world().redis.hset(marker(), 'a', 'hash');
    const claims = ids.map((id, index) => ({
      entry: { id, deliveryCount: 1 },
      marker: index === 0 ? marker() : world().key('idempotent:orders:=43'),
      ttlMs: HOUR_MS,
    }));
    expect(await world().broker().begin(world().stream, claims)).toEqual([
      { state: 'refused', problem: expect.stringContaining('holds a hash') as string },
      { state: 'begun' },
    ]);
  });

  it('is given to one of many that ask in one call', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 450; i += 1) ids.push(await world().add());
    await world().deliver();
    const claims = ids.map((id) => ({ entry: { id, deliveryCount: 1 }, marker: marker(), ttlMs: HOUR_MS }));
    const states = (await world().broker().begin(world().stream, claims)).map(({ state }) => state);
    expect(states).toEqual(['begun', ...Array.from({ length: 449 }, () => 'busy')]);
  });

  it('is not given when Redis is out of memory: the commit would be refused', async () => {
    const id = await world().delivered();
    await begin(id);
    await world().redis.config('SET', 'maxmemory-policy', 'noeviction');
    await world().redis.config('SET', 'maxmemory', '1');
    await expect(begin(id)).rejects.toThrow(/OOM/);
  });

  it('lets an entry that waits for it come back after the delay, uncharged', async () => {
    const id = await world().delivered();
    expect(
      await world()
        .broker()
        .release(world().stream, [{ id, deliveryCount: 1 }], 60_000),
    ).toBe(1);
    expect(await world().row(id)).toMatchObject({ owner: '@retry', count: 0 });
    const due = Number(await world().redis.zscore(world().key('retry'), id)) - Date.now();
    expect(due).toBeGreaterThan(30_000);
    expect(due).toBeLessThanOrEqual(60_000);
  });
});
