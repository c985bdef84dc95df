import { SOURCE } from '../../../src/transport/redis/lua/library-source.js';
import { onEveryServer } from '../../support/function-world.js';

onEveryServer('The function library', (world) => {
  const libraries = async (): Promise<string[]> => {
    const list = (await world().redis.function('LIST')) as unknown[][];
    return list.map((library) => String(library[library.indexOf('library_name') + 1])).sort();
  };
  beforeEach(() => world().redis.function('FLUSH'));

  it('works beside another version of itself, and neither replaces the other', async () => {
    await world().redis.function('LOAD', SOURCE.replaceAll('@version@', 'os1_older'));
    const older = (name: string, keys: string[], args: (string | number)[]) =>
      world().redis.fcall(`os1_older_${name}`, keys.length, ...keys, ...args);
    await world().broker().prepare(world().stream, false);
    expect(await libraries()).toHaveLength(2);

    const id = await world().delivered();
    const keys = [world().stream, world().key('retry')];
    const entries = JSON.stringify([id, 1, 0, 0]);
    expect(await older('park', keys, ['test-group', 'worker', id, id, entries])).toBe('done');
    expect((await world().broker().claimDue(world().stream, 1, 1_000)).entries).toMatchObject([
      { deliveryCount: 2 },
    ]);
    expect(await older('extend', [world().stream], ['test-group', 'worker', id, 2])).toEqual([]);
    expect(await libraries()).toHaveLength(2);
  });

  it('is loaded once when many processes start together', async () => {
    const brokers = Array.from({ length: 10 }, (_, i) => world().broker(`replica-${i}`));
    await Promise.all(brokers.map((broker) => broker.prepare(world().stream, false)));
    expect(await libraries()).toHaveLength(1);
  });

  it('is loaded again when somebody flushed it, by whoever calls first', async () => {
    const broker = world().broker();
    await broker.prepare(world().stream, false);
    const id = await world().delivered();
    await world().redis.function('FLUSH');
    const [parked] = await Promise.all([
      broker.park(world().stream, { id, deliveryCount: 1 }, 0, []),
      broker.keepFloor(world().stream),
      broker.extend(world().stream, [{ id, deliveryCount: 1 }]),
    ]);
    expect(parked).toBe('done');
    expect(await libraries()).toHaveLength(1);
  });

  it('is kept over a restart from the append-only file, with what it wrote', async () => {
    await world().redis.config('SET', 'appendonly', 'yes');
    await world().broker().prepare(world().stream, false);
    const id = await world().delivered();
    expect(await world().broker().park(world().stream, { id, deliveryCount: 1 }, 60_000, [])).toBe('done');
    const before = await world().dump();
    await world()
      .redis.call('DEBUG', 'LOADAOF')
      .catch(() => undefined);
    expect(await libraries()).toHaveLength(1);
    expect(Object.keys(await world().dump())).toEqual(Object.keys(before));
    expect(await world().row(id)).toMatchObject({ owner: '@retry', count: 1 });
    await world().redis.config('SET', 'appendonly', 'no');
  });
});
