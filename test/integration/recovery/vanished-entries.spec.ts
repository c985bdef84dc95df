import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { useOwnStream } from '../../support/own-stream.js';

describe('An entry that is deleted or trimmed while it is pending', () => {
  const on = useOwnStream();
  const vanished = () => on.started.flatMap(({ told }) => told.vanished.flatMap(({ entryIds }) => entryIds));
  const nothingPending = () =>
    eventuallyPasses(async () => expect(await pendingRows(on.redis, on.stream)).toEqual([]));

  it.each([1, 3, 4])('for a dead consumer, delivered %i times, is counted and told', async (count) => {
    await addOrders(on.redis, on.stream, numbered(2));
    const ids = await abandon(on.redis, on.stream, { count });
    await on.redis.xdel(on.stream, ...ids);
    const { server } = await on.start({ options: { recoveryIntervalMs: 3_600_000 } });
    const first = await server.recovery.runOnce();
    await nothingPending();
    await eventuallyPasses(() => expect(vanished().sort()).toEqual(ids));
    const second = await server.recovery.runOnce();
    expect(first.vanished + second.vanished).toBe(2);
  });

  it('while it waits for a retry, is counted and told', async () => {
    const { told } = await on.start({
      handler: () => Promise.reject(new Error('fails')),
      options: { retry: { backoff: { type: 'fixed', delayMs: 150 } } },
    });
    const [id = ''] = await addOrders(on.redis, on.stream, ['1']);
    await eventually(() => told['retry-scheduled'][0]);
    await on.redis.xdel(on.stream, id);
    await eventually(() => told.vanished[0]);
    await nothingPending();
    expect(await on.redis.zcard(`{${on.stream}}:test-group:retry`)).toBe(0);
  });

  it('while its handler runs and then fails, is dead-lettered from the bytes that are held', async () => {
    let fail = (): void => undefined;
    const { told } = await on.start({
      handler: () => new Promise<void>((_, reject) => (fail = () => reject(new Error('fails')))),
    });
    const [id = ''] = await addOrders(on.redis, on.stream, ['held']);
    await eventually(() => told.received[0]);
    await on.redis.xtrim(on.stream, 'MAXLEN', 0);
    fail();
    await eventually(() => told['dead-lettered'][0]);
    expect(await deadLetters(on.redis, on.stream)).toMatchObject([
      { fields: { orderId: 'held', 'dlt-reason': 'vanished', 'dlt-original-id': id } },
    ]);
    await nothingPending();
  });

  it('while its handler runs longer than the ack wait and fails, is told by whoever finds it', async () => {
    let fail = (): void => undefined;
    await on.start({
      handler: () => new Promise<void>((_, reject) => (fail = () => reject(new Error('fails')))),
    });
    const ids = await addOrders(on.redis, on.stream, ['held']);
    await eventually(() => on.started[0]?.told.received[0]);
    await on.redis.xtrim(on.stream, 'MAXLEN', 0);
    await on.start();
    await eventuallyPasses(() => expect(vanished()).toEqual(ids));
    fail();
    await nothingPending();
  });

  it('while its handler runs and succeeds, is done', async () => {
    let finish = (): void => undefined;
    const { told } = await on.start({ handler: () => new Promise<void>((resolve) => (finish = resolve)) });
    const [id = ''] = await addOrders(on.redis, on.stream, ['1']);
    await eventually(() => told.received[0]);
    await on.redis.xdel(on.stream, id);
    finish();
    await eventually(() => told.processed[0]);
    await nothingPending();
    expect(await deadLetters(on.redis, on.stream)).toEqual([]);
  });
});
