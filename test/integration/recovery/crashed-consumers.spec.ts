import { RedisStreamBroker } from '../../../src/transport/redis/broker/redis-stream-broker.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, numbered, pendingRows } from '../../support/group-view.js';
import { useOwnStream } from '../../support/own-stream.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, type ServerSetup } from '../../support/started-server.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';

describe('Entries of a consumer that says nothing any more', () => {
  const on = useOwnStream();

  it('are delivered again and counted, once the ack wait is over', async () => {
    await addOrders(on.redis, on.stream, numbered(3));
    const ids = await abandon(on.redis, on.stream, { count: 2 });
    const { told } = await on.start();
    await eventually(() => (told.processed.length === 3 ? true : undefined));
    expect(told.processed.map(({ deliveryCount }) => deliveryCount)).toEqual([3, 3, 3]);
    expect(told.reclaimed).toMatchObject([{ owner: 'dead-consumer', entryIds: ids }]);
    await eventuallyPasses(async () => expect(await pendingRows(on.redis, on.stream)).toEqual([]));
  });

  it('are left alone before', async () => {
    await addOrders(on.redis, on.stream, ['1']);
    await abandon(on.redis, on.stream, { idleMs: 0 });
    const { told, server } = await on.start({
      options: { ackWaitMs: 60_000, recoveryIntervalMs: 3_600_000 },
    });
    expect(await server.recovery.runOnce()).toMatchObject({ reclaimed: 0, ranAlone: 0 });
    expect(told.received).toEqual([]);
  });

  it('are found behind 20 pages of entries that are not idle: an empty page is not the end', async () => {
    await addOrders(on.redis, on.stream, numbered(5_500));
    const ids = await abandon(on.redis, on.stream, { idleMs: 0 });
    const tail = ids.at(-1) ?? '';
    await on.redis.xclaim(on.stream, GROUP, 'dead-consumer', 0, tail, 'IDLE', 3_600_000, 'JUSTID');
    const { told } = await on.start({ options: { ackWaitMs: 1_800_000 } });
    await eventually(() => told.processed[0]);
    expect(told.processed).toMatchObject([{ entryId: tail, deliveryCount: 2 }]);
  });

  it('come back too when they are our own and we never saw them: the reply of the read was lost', async () => {
    const proxy: TcpProxy = await startProxy('127.0.0.1', Number(new URL(sharedRedisUrl()).port));
    try {
      const { told } = await on.start({ url: `redis://127.0.0.1:${proxy.port}` });
      await addOrders(on.redis, on.stream, ['seen']);
      await eventually(() => told.processed[0]);
      await eventuallyPasses(async () => expect(await pendingRows(on.redis, on.stream)).toEqual([]));
      proxy.blackhole();
      const [id] = await addOrders(on.redis, on.stream, ['unseen']);
      await eventually(async () => ((await pendingRows(on.redis, on.stream)).length > 0 ? true : undefined));
      expect(told.received).toHaveLength(1);
      proxy.cut();
      await proxy.heal();
      await eventually(() => told.processed[1]);
      expect(told.processed[1]).toMatchObject({ entryId: id, deliveryCount: 2 });
    } finally {
      await on.close();
      await proxy.stop();
    }
  });

  it('are never those of a namesake: two processes with one consumer name are two consumers', async () => {
    const seen: string[] = [];
    const handler: ServerSetup['handler'] = async ({ orderId }) => {
      seen.push(String(orderId));
      await new Promise((resolve) => setTimeout(resolve, 900));
    };
    const options = { consumerName: 'same-name', maxInFlight: 2 };
    await Promise.all([on.start({ handler, options }), on.start({ handler, options })]);
    await addOrders(on.redis, on.stream, numbered(4));
    await eventuallyPasses(async () => {
      expect(on.started.flatMap(({ told }) => told.processed)).toHaveLength(4);
      expect(await pendingRows(on.redis, on.stream)).toEqual([]);
    });
    expect(seen.sort()).toEqual(numbered(4));
    expect(
      new Set(on.started.flatMap(({ told }) => told.processed.map(({ consumer }) => consumer))).size,
    ).toBe(2);
  });

  async function consumers(): Promise<string[]> {
    const rows = (await on.redis.xinfo('CONSUMERS', on.stream, GROUP).catch(() => [])) as unknown[][];
    return rows.map((row) => String(row[row.indexOf('name') + 1]));
  }

  it('done, the consumer is deleted; one that lives, has entries, or waits is not', async () => {
    const living = await on.start();
    await addOrders(on.redis, on.stream, ['1']);
    await eventually(() => living.told.processed[0]);
    const before = await consumers();
    for (let i = 0; i < 50; i += 1) await on.redis.xgroup('CREATECONSUMER', on.stream, GROUP, `dead-${i}`);
    await on.redis.xgroup('CREATECONSUMER', on.stream, GROUP, '@retry');
    await eventuallyPasses(async () =>
      expect((await consumers()).sort()).toEqual([...before, '@retry'].sort()),
    );
    expect(living.told.failed).toEqual([]);
  });

  it('wait for as long as the slowest of the processes may be silent', async () => {
    await on.redis.xgroup('CREATE', on.stream, GROUP, '0', 'MKSTREAM');
    const slow = await on.start({ options: { ackWaitMs: 120_000 } });
    await eventually(async () =>
      (await on.redis.exists(`{${on.stream}}:${GROUP}:ack-waits`)) === 1 ? true : undefined,
    );
    await addOrders(on.redis, on.stream, ['1']);
    await eventually(() => slow.told.processed[0]);
    await slow.server.recovery.runOnce();
    const quick = await on.start({ options: { ackWaitMs: 100 } });
    await on.redis.xadd(on.stream, '*', 'orderId', '2');
    await on.redis.xgroup('CREATECONSUMER', on.stream, GROUP, 'paused');
    const [pending] = await on.redis.xrange(on.stream, '-', '+');
    await on.redis.xclaim(
      on.stream,
      GROUP,
      'paused',
      0,
      pending?.[0] ?? '',
      'FORCE',
      'IDLE',
      60_000,
      'JUSTID',
    );
    expect(await quick.server.recovery.runOnce()).toMatchObject({ reclaimed: 0, ranAlone: 0 });
    expect(await quick.server.recovery.runOnce()).toMatchObject({ reclaimed: 0, ranAlone: 0 });
  });

  it('wait as long for a process that has just started and was given its first entry', async () => {
    let finish = (): void => undefined;
    const slow = await on.start({
      options: { ackWaitMs: 60_000, recoveryIntervalMs: 3_600_000 },
      handler: () => new Promise<void>((resolve) => (finish = resolve)),
    });
    const connection = { url: sharedRedisUrl() };
    const quick = new RedisStreamBroker({ connection, group: GROUP, consumer: 'quick', blockMs: 1 });
    const learn = async (): Promise<number> => {
      const names = (await quick.consumers(on.stream)).map(({ name }) => name);
      return quick.announce(on.stream, 'ack-waits', 100, names);
    };
    await learn(); // Redis 7.0 knows a consumer from its first entry on, so nobody may be taken for gone before.
    await addOrders(on.redis, on.stream, ['slow']);
    await eventually(() => slow.told.received[0]);
    const ackWaitMs = await learn();
    await quick.close();
    finish();
    expect(ackWaitMs).toBe(60_000);
  });

  it('do not wait for a process that is gone with its group: its ack wait is forgotten', async () => {
    await on.redis.xgroup('CREATE', on.stream, GROUP, '0', 'MKSTREAM');
    await on.redis.zadd(`{${on.stream}}:${GROUP}:ack-waits`, 3_600_000, 'gone-with-its-group');
    await addOrders(on.redis, on.stream, ['1']);
    await abandon(on.redis, on.stream, { idleMs: 60_000 });
    const { told } = await on.start();
    await eventually(() => told.processed[0]);
  });
});
