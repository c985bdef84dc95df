import { Redis } from 'ioredis';
import { RedisUnavailableError, StreamInspector, type StreamState } from '../../../src/transport/index.js';
import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';
import { startProxy } from '../../support/tcp-proxy.js';

onEveryServer('Looking at a stream', (world) => {
  const look = async (stream = world().stream): Promise<StreamState | undefined> =>
    (await new StreamInspector(world().redis, true).inspect([stream]))[0];

  it('tells that there is none, or that its key holds something else', async () => {
    const { redis, stream, letters } = world();
    expect(await look()).toEqual({ stream, state: 'missing', length: 0, deadLetters: 0, groups: [] });
    await redis.set(stream, 'x');
    await redis.set(letters, 'x');
    expect(await look()).toEqual({ stream, state: 'wrong-type', length: 0, groups: [] });
  });

  it('counts what is there, what is to come, what is pending, what waits, and what is dead', async () => {
    const { redis, stream, letters } = world();
    for (let i = 0; i < 5; i += 1) await world().add();
    await world().deliver('worker', 3);
    const [oldest = '', second = ''] = (await redis.xrange(stream, '-', '+')).map(([id]) => id);
    await redis.xack(stream, GROUP, oldest);
    await world().broker().park(stream, { id: second, deliveryCount: 1 }, 60_000, []);
    await redis.xadd(letters, '*', 'a', 'b');
    await redis.xgroup('CREATE', stream, 'other', '0');

    const state = await look();

    expect(state).toMatchObject({ stream, state: 'present', length: 5, deadLetters: 1 });
    const groups = new Map(state?.groups.map((group) => [group.group, group]));
    expect(groups.get(GROUP)).toMatchObject({ lag: 2, pending: 2, waiting: 1, oldestPendingId: second });
    expect(groups.get(GROUP)?.consumers).toEqual([
      { consumer: 'worker', pending: 1, idleMs: expect.any(Number) as number, hot: false },
    ]);
    expect(groups.get('other')).toEqual({
      ...{ group: 'other', lag: 5, pending: 0, waiting: 0, lastDeliveredId: '0-0', consumers: [] },
    });
  });

  it('shows a lag that Redis does not know as unknown, never as zero', async () => {
    const { redis, stream } = world();
    for (let i = 0; i < 70; i += 1) await world().add();
    await world().deliver('worker', 1);
    const ids = (await redis.xrange(stream, '-', '+')).map(([id]) => id);
    await redis.xdel(stream, ids[40] ?? '', ids[50] ?? '');
    expect((await look())?.groups[0]?.lag).toBe('unknown');
  });

  it('counts a short lag itself, also where Redis does not know it', async () => {
    const { redis, stream } = world();
    for (let i = 0; i < 5; i += 1) await world().add();
    await world().deliver('worker', 1);
    const ids = (await redis.xrange(stream, '-', '+')).map(([id]) => id);
    await redis.xdel(stream, ids[3] ?? '');
    expect((await look())?.groups[0]?.lag).toBe(3);
  });

  it('is not misled by what Redis counts when unread entries are trimmed away', async () => {
    const { redis, stream } = world();
    for (let i = 0; i < 100; i += 1) await world().add();
    await redis.xtrim(stream, 'MAXLEN', '=', 1);
    expect((await look())?.groups[0]?.lag).toBe(1);
    await world().deliver();
    expect((await look())?.groups[0]?.lag).toBe(0);
    await world().add();
    expect((await look())?.groups[0]?.lag).toBe(1);
    await redis.xtrim(stream, 'MAXLEN', '=', 0);
    expect((await look())?.groups[0]?.lag).toBe(0);
  });

  it("tells the age of the oldest pending entry by Redis's clock", async () => {
    const [seconds] = await world().redis.time();
    await world().add(['a', 'b'], `${(Number(seconds) - 600) * 1_000}-0`);
    await world().add();
    await world().deliver();
    const age = (await look())?.groups[0]?.oldestPendingAgeMs ?? 0;
    expect(Math.floor(age / 60_000)).toBe(10);
  });

  it('marks the consumer that holds more than its share', async () => {
    for (let i = 0; i < 15; i += 1) await world().add();
    await world().deliver('busy', 12);
    await world().deliver('idle', 3);
    const consumers = (await look())?.groups[0]?.consumers ?? [];
    expect(consumers.map(({ consumer, hot }) => [consumer, hot])).toEqual([
      ['busy', true],
      ['idle', false],
    ]);
  });

  it('gives up when Redis does not answer', async () => {
    const { host, port } = world().server;
    const proxy = await startProxy(host, port);
    const redis = new Redis({ host: '127.0.0.1', port: proxy.port, maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    try {
      await redis.ping();
      proxy.blackhole();
      await expect(new StreamInspector(redis).inspect([world().stream])).rejects.toThrow(
        RedisUnavailableError,
      );
    } finally {
      redis.disconnect();
      await proxy.stop();
    }
  });
});
