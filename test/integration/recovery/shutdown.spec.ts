import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { useOwnStream } from '../../support/own-stream.js';
import { GROUP, type ServerSetup } from '../../support/started-server.js';

describe('A process that shuts down', () => {
  const on = useOwnStream();

  it('hands back uncharged what it did not start, and another handles it as its first delivery', async () => {
    let finish = (): void => undefined;
    const first = await on.start({
      options: { maxInFlight: 1 },
      handler: () => new Promise<void>((resolve) => (finish = resolve)),
    });
    await addOrders(on.redis, on.stream, numbered(20));
    await eventually(async () => ((await pendingRows(on.redis, on.stream)).length === 20 ? true : undefined));
    const closed = first.close();
    await eventuallyPasses(async () => {
      const rows = await pendingRows(on.redis, on.stream);
      expect(rows.filter(({ owner, count }) => owner === '@retry' && count === 0)).toHaveLength(19);
    });
    finish();
    await closed;
    expect(first.told.received).toHaveLength(1);
    expect(await on.redis.xinfo('CONSUMERS', on.stream, GROUP)).toHaveLength(1);

    const second = await on.start();
    await eventuallyPasses(() => expect(second.told.processed.length).toBeGreaterThanOrEqual(19));
    expect(new Set(second.told.processed.map(({ deliveryCount }) => deliveryCount))).toEqual(new Set([1]));
  });

  it('leaves pending what does not finish in time; another takes it over, counted', async () => {
    const first = await on.start({
      options: { shutdownGraceMs: 100 },
      handler: () => new Promise(() => undefined),
    });
    const [id] = await addOrders(on.redis, on.stream, ['slow']);
    await eventually(() => first.told.received[0]);
    await first.close();
    expect((await pendingRows(on.redis, on.stream)).find((row) => row.id === id)).toMatchObject({ count: 1 });
    const second = await on.start();
    await eventually(() => second.told.processed.find(({ entryId }) => entryId === id));
    expect(second.told.processed.find(({ entryId }) => entryId === id)).toMatchObject({ deliveryCount: 2 });
  });

  it('loses and charges nothing when processes come and go under load', async () => {
    const handler: ServerSetup['handler'] = () => new Promise((resolve) => setTimeout(resolve, 3));
    const ids: string[] = [];
    let before = await on.start({ handler, options: { maxInFlight: 4 } });
    for (let i = 0; i < 6; i += 1) {
      ids.push(...(await addOrders(on.redis, on.stream, numbered(100, `round-${i}`))));
      const next = await on.start({ handler, options: { maxInFlight: 4 } });
      await before.close();
      before = next;
    }
    const all = () => on.started.flatMap(({ told }) => told.processed);
    await eventuallyPasses(async () => {
      expect(await pendingRows(on.redis, on.stream)).toEqual([]);
      expect(all().filter(({ entryId }) => ids.includes(entryId))).toHaveLength(600);
    });
    expect(all().filter(({ deliveryCount }) => deliveryCount !== 1)).toEqual([]);
    expect(await deadLetters(on.redis, on.stream)).toEqual([]);
  });
});
