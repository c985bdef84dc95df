import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { useOwnStream } from '../../support/own-stream.js';

/** Delivered as often as the policy allows, and never settled. */
const AT_THE_LIMIT = 3;

describe('A crash suspect', () => {
  const on = useOwnStream();
  async function suspects(count: number): Promise<string[]> {
    await addOrders(on.redis, on.stream, numbered(count, 'suspect'));
    return abandon(on.redis, on.stream, { count: AT_THE_LIMIT });
  }
  const nothingPending = () =>
    eventuallyPasses(async () => expect(await pendingRows(on.redis, on.stream)).toEqual([]));

  it('runs with nothing beside it, and is done when it was innocent', async () => {
    await suspects(5);
    let running = 0;
    const beside: [string, number][] = [];
    const { told } = await on.start({
      handler: async ({ orderId }) => {
        running += 1;
        beside.push([String(orderId), running]);
        await new Promise((resolve) => setTimeout(resolve, 20));
        beside.push([String(orderId), running]);
        running -= 1;
      },
    });
    await addOrders(on.redis, on.stream, numbered(50, 'fresh'));
    await eventually(() => (told.processed.length === 55 ? true : undefined));
    const alone = beside.filter(([orderId]) => orderId.startsWith('suspect'));
    expect(alone).toHaveLength(10);
    expect(alone.filter(([, count]) => count !== 1)).toEqual([]);
    await nothingPending();
    expect(await deadLetters(on.redis, on.stream)).toEqual([]);
  });

  it('whose handler hangs is timed out as any other, and holds up nobody for longer', async () => {
    await suspects(1);
    const { told } = await on.start({
      retry: { handlerTimeoutMs: 150 },
      handler: ({ orderId }) => (orderId === 'suspect-0' ? new Promise(() => undefined) : undefined),
    });
    await eventually(() => told.received[0]);
    await addOrders(on.redis, on.stream, numbered(20));
    await eventually(() => (told.processed.length === 20 ? true : undefined));
    await eventually(() => told['dead-lettered'][0]);
    expect(told['dead-lettered']).toMatchObject([{ reason: 'retries-exhausted', deliveryCount: 4 }]);
    await nothingPending();
  });

  it('does not keep others waiting while a handler runs for long', async () => {
    let finish = (): void => undefined;
    const { told } = await on.start({
      retry: { handlerTimeoutMs: 0 },
      handler: ({ orderId }) =>
        orderId === 'long' ? new Promise<void>((resolve) => (finish = resolve)) : undefined,
    });
    await addOrders(on.redis, on.stream, ['long']);
    await eventually(() => told.received[0]);
    const ids = numbered(2, 'suspect');
    await addOrders(on.redis, on.stream, ids);
    await eventually(() => (told.processed.length === 2 ? true : undefined));
    const [first] = await on.redis
      .xrange(on.stream, '-', '+', 'COUNT', 2)
      .then((entries) => entries.slice(1));
    await on.redis.xclaim(
      ...([on.stream, 'test-group', 'dead-consumer', 0, first?.[0] ?? ''] as const),
      ...(['FORCE', 'IDLE', 3_600_000, 'RETRYCOUNT', AT_THE_LIMIT, 'JUSTID'] as const),
    );
    const times: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const begun = Date.now();
      const handled = told.processed.length;
      await addOrders(on.redis, on.stream, [`fresh-${i}`]);
      await eventually(() => (told.processed.length > handled ? true : undefined));
      times.push(Date.now() - begun);
    }
    finish();
    await nothingPending();
    expect(Math.max(...times)).toBeLessThan(20_000);
  });

  it('that is innocent is not condemned by a restart while it runs or waits for its turn', async () => {
    const ids = await suspects(12);
    const first = await on.start({
      handler: () => new Promise((resolve) => setTimeout(resolve, 60)),
    });
    await eventually(() => first.told.received[1]);
    await first.close();
    const second = await on.start();
    await nothingPending();
    expect(await deadLetters(on.redis, on.stream)).toEqual([]);
    const handled = [...first.told.processed, ...second.told.processed].map(({ entryId }) => entryId);
    expect(ids.filter((id) => !handled.includes(id))).toEqual([]);
  });

  it('that runs when the grace of a shutdown is over does not hold it up, and is not condemned for it', async () => {
    const [id = ''] = await suspects(1);
    const first = await on.start({
      options: { shutdownGraceMs: 200 },
      handler: () => new Promise(() => undefined),
    });
    await eventually(() => first.told.received[0]);
    const begun = Date.now();
    await first.close();
    expect(Date.now() - begun).toBeLessThan(15_000);
    const second = await on.start();
    await eventually(() =>
      [...second.told.processed, ...second.told['dead-lettered']].find(({ entryId }) => entryId === id),
    );
    expect(await deadLetters(on.redis, on.stream)).toEqual([]);
  });

  it('that was abandoned when it ran alone is dead-lettered without being run, with its owner named', async () => {
    const [id = ''] = await suspects(1);
    await on.redis.xclaim(
      ...([on.stream, 'test-group', 'killed', 0, id, 'IDLE', 3_600_000, 'RETRYCOUNT', 4, 'JUSTID'] as const),
    );
    await on.redis.set(`{${on.stream}}:test-group:alone:${id}`, '4', 'PX', 60_000);
    const { told } = await on.start();
    await eventually(() => told['dead-lettered'][0]);
    expect(told.received).toEqual([]);
    expect(await deadLetters(on.redis, on.stream)).toMatchObject([
      { fields: { 'dlt-reason': 'abandoned', 'dlt-original-consumer': 'killed', 'dlt-delivery-count': '4' } },
    ]);
    await nothingPending();
  });

  it('is nobody whose count is high for another reason: it ran beside others when its process died', async () => {
    await addOrders(on.redis, on.stream, ['old']);
    await abandon(on.redis, on.stream, { count: 9 });
    const { told } = await on.start();
    await eventually(() => told.processed[0]);
    expect(await deadLetters(on.redis, on.stream)).toEqual([]);
  });
});
