import type { EntryRef } from '../../../src/transport/redis/settlement.js';
import type { RedisStreamBroker } from '../../../src/transport/redis/broker/redis-stream-broker.js';
import { StreamWrites, type StreamWrite } from '../../../src/transport/entry/writes.js';
import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

const DELAY_MS = 60_000;
/** More than one call takes. */
const MANY = 300;

onEveryServer('Entries that fail in one turn', (world) => {
  let broker: RedisStreamBroker;
  beforeEach(async () => {
    broker = world().broker();
    await broker.prepare(world().stream, true);
  });

  /** How often the functions were called since Redis was last asked to forget it. */
  const calls = async (): Promise<number> =>
    Number(/cmdstat_fcall:calls=(\d+)/.exec(await world().redis.info('commandstats'))?.[1] ?? 0);

  const deliver = async (count: number): Promise<EntryRef[]> => {
    const ids: string[] = [];
    for (let i = 0; i < count; i += 1) ids.push(await world().add());
    await world().deliver();
    return ids.map((id) => ({ id, deliveryCount: 1 }));
  };

  const park = (entry: EntryRef, writes: readonly StreamWrite[] = []) =>
    broker.park(world().stream, entry, DELAY_MS, writes);

  it('are parked in few calls, whichever of them have writes', async () => {
    const counter = world().key('failures');
    const entries = await deliver(MANY);
    const once = new StreamWrites().incrby(counter, 1).list();
    await world().redis.config('RESETSTAT');
    const ends = await Promise.all(entries.map((entry, i) => park(entry, i % 2 === 0 ? once : [])));

    expect(new Set(ends)).toEqual(new Set(['done']));
    expect(await calls()).toBe(Math.ceil(MANY / 128));
    expect(await world().redis.get(counter)).toBe(String(MANY / 2));
    expect(await world().redis.zcard(world().key('retry'))).toBe(MANY);
    const [, , , owners] = await world().redis.xpending(world().stream, GROUP);
    expect(owners).toEqual([['@retry', String(MANY)]]);
  });

  it('are each fenced, checked and answered for themselves', async () => {
    const [good, settled, elsewhere, deleted, unusable, other] = await deliver(6);
    const { stream, redis } = world();
    const key = world().key('record');
    await redis.set(key, 'text');
    await redis.xack(stream, GROUP, settled?.id ?? '');
    await redis.xclaim(stream, GROUP, 'another', 0, elsewhere?.id ?? '', 'JUSTID');
    await redis.xdel(stream, deleted?.id ?? '');
    const written = world().key('written');
    const all = [good, settled, elsewhere, deleted, unusable, other];
    const ends = await Promise.allSettled(
      all.map((entry) => {
        const writes = new StreamWrites().hset(entry === unusable ? key : written, { [entry?.id ?? '']: 1 });
        return park(entry ?? { id: '', deliveryCount: 0 }, entry === other ? [] : writes.list());
      }),
    );

    const told = ends.map((end) =>
      end.status === 'fulfilled' ? end.value : String(end.reason).split(':')[1],
    );
    expect(told).toEqual(['done', 'gone', 'taken', 'vanished', ' UNUSABLE write', 'done']);
    expect(Object.keys(await redis.hgetall(written))).toEqual([good?.id]);
    expect(await redis.zrange(world().key('retry'), 0, -1)).toEqual([good?.id, other?.id]);
    expect(await world().row(unusable?.id ?? '')).toMatchObject({ owner: 'worker', count: 1 });
  });

  it('are parked once when a call is repeated because its answer was lost', async () => {
    const entries = await deliver(3);
    const counter = world().key('failures');
    const parkAll = () =>
      Promise.all(
        entries.map((entry, i) => park(entry, i === 1 ? new StreamWrites().incrby(counter, 1).list() : [])),
      );
    expect(await parkAll()).toEqual(['done', 'done', 'done']);
    const before = await world().dump();
    expect(await parkAll()).toEqual(['done', 'done', 'done']);
    expect(await world().dump()).toEqual(before);
  });

  it('do not suffer from one of them that is asked for twice', async () => {
    const [twice, other] = await deliver(2);
    const counter = world().key('failures');
    const writes = new StreamWrites().incrby(counter, 1).list();
    if (!twice || !other) throw new Error('Nothing was delivered');
    expect(await Promise.all([park(twice, writes), park(other), park(twice, writes)])).toEqual([
      'done',
      'done',
      'done',
    ]);
    expect(await world().redis.get(counter)).toBe('1');
  });
});
