import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { onEveryServer } from '../../support/function-world.js';
import { closedGate } from '../../support/gate.js';
import { addOrders, numbered } from '../../support/group-view.js';
import { GROUP, startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';

const LARGEST = '18446744073709551615-18446744073709551615';

onEveryServer('Entries that leave a stream before its group was given them', (world) => {
  const started: StartedServer[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((server) => server.close()));
  });
  const redis = (): Redis => world().redis;
  const start = async (
    handler: ServerSetup['handler'] = () => undefined,
    options: ServerSetup['options'] = {},
  ): Promise<StartedServer> => {
    const server = await startServer({ handler, stream: world().stream, url: world().server.url, options });
    started.push(server);
    return server;
  };
  const lostBy = (...servers: StartedServer[]): number =>
    servers.flatMap(({ told }) => told.lost).reduce((sum, { count }) => sum + count, 0);
  const handledBy = (...servers: StartedServer[]): number =>
    servers.reduce((sum, { told }) => sum + told.processed.length, 0);

  it('are noticed while all processes are busy, by one of them, and shown by each', async () => {
    const door = closedGate();
    const servers = await Promise.all([1, 2].map(() => start(() => door.pass(), { maxInFlight: 2 })));
    const { stream } = world();
    await addOrders(redis(), stream, numbered(20));
    await eventually(() => (servers.every(({ told }) => told.received.length === 2) ? true : undefined));
    const step = redis().multi();
    for (const orderId of numbered(50, 'unread')) step.xadd(stream, '*', 'orderId', orderId);
    await step.xtrim(stream, 'MAXLEN', '=', 10).exec();
    door.open();
    await eventuallyPasses(() => expect(lostBy(...servers)).toBeGreaterThanOrEqual(40));
    const lost = lostBy(...servers);
    await eventuallyPasses(async () => {
      for (const { server } of servers) {
        expect((await server.checkHealth()).warnings).toMatchObject([{ code: 'entries-lost', value: lost }]);
      }
    });
    const vanished = servers.flatMap(({ told }) => told.vanished.flatMap(({ entryIds }) => entryIds));
    await eventuallyPasses(() => expect(handledBy(...servers) + vanished.length + lost).toBe(70));
  });

  it('are counted as many as are missing, whatever else somebody removes', async () => {
    const servers = await Promise.all([1, 2, 3].map(() => start(undefined, { maxInFlight: 3 })));
    const { stream } = world();
    for (let round = 0; round < 20; round += 1) {
      const ids = await addOrders(redis(), stream, numbered(40));
      if (round % 3 === 0) await redis().xdel(stream, ...ids.slice(30));
      if (round % 4 === 1) await redis().xtrim(stream, 'MAXLEN', '=', 15);
      if (round % 5 === 2) await redis().xadd(stream, 'MAXLEN', '=', 5, '*', 'orderId', 'last');
    }
    const added = 20 * 40 + 4;
    await eventuallyPasses(async () => {
      const gone = servers.flatMap(({ told }) => told.vanished.flatMap(({ entryIds }) => entryIds)).length;
      expect(handledBy(...servers) + lostBy(...servers) + gone).toBe(added);
      expect(((await redis().xpending(stream, GROUP)) as [number])[0]).toBe(0);
    });
  });

  it('are not imagined while everything is handled, retention trims, and handled entries are removed', async () => {
    const retention = { maxEntries: 5, maxAgeMs: 1 };
    const servers = await Promise.all([1, 2].map(() => start(undefined, { maxInFlight: 5, retention })));
    const { stream } = world();
    for (let round = 1; round <= 15; round += 1) {
      const ids = await addOrders(redis(), stream, numbered(30));
      await eventually(() => (handledBy(...started) >= round * 30 ? true : undefined));
      if (round % 3 === 0) await redis().xdel(stream, ...ids.slice(10, 20));
      if (round % 3 === 1) await redis().xtrim(stream, 'MAXLEN', '=', 3);
      if (round === 7) await start();
      if (round === 10) await servers.pop()?.close();
    }
    for (const { server } of started) {
      for (let run = 0; run < 3; run += 1) await server.recovery.runOnce();
    }
    expect(lostBy(...started)).toBe(0);
  });

  it('the largest id stands in the way of orders, is said, and what comes after the repair is delivered', async () => {
    const { server, told } = await start();
    const { stream } = world();
    const [first = ''] = await addOrders(redis(), stream, ['first']);
    await redis().xadd(stream, LARGEST, 'orderId', 'largest');
    await eventually(() => (told.processed.length === 2 ? true : undefined));
    await eventuallyPasses(async () => {
      expect((await server.checkHealth()).causes).toMatchObject([{ code: 'stream-full', stream }]);
    });
    await redis().xtrim(stream, 'MAXLEN', '=', 0);
    await redis().call('XSETID', stream, first);
    const [after] = await addOrders(redis(), stream, ['after']);
    await eventually(() => told.processed.find(({ entryId }) => entryId === after));
    expect(told['group-set-back']).toMatchObject([{ from: LARGEST }]);
    await eventuallyPasses(async () => {
      expect((await server.checkHealth()).ready).toBe(true);
    });
  });

  it('a group that was destroyed is said to be made again, once', async () => {
    const servers = await Promise.all([start(), start()]);
    await redis().xgroup('DESTROY', world().stream, GROUP);
    await addOrders(redis(), world().stream, ['after']);
    await eventually(() => (handledBy(...servers) > 0 ? true : undefined));
    expect(servers.flatMap(({ told }) => told['group-remade'])).toHaveLength(1);
  });
});
