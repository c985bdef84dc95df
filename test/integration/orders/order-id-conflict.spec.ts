import { randomUUID } from 'node:crypto';
import { OrderIdConflictError } from '../../../src/orders/order-id-conflict.error.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { closedGate } from '../../support/gate.js';
import { startOrdersApp, type OrdersApp } from '../../support/orders-app.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

describe.each(['Redis', 'PostgreSQL'])('An id in %s that another order has', (kind) => {
  let app: OrdersApp;
  let orderId: string;
  let run: string[];
  let held: Promise<void>;
  /** What goes wrong with an entry before its order is looked at. */
  let beforeOpen: (entryId: string) => Promise<void>;

  beforeAll(async () => {
    const databaseUrl = kind === 'PostgreSQL' ? postgres.url : undefined;
    const process = ({ orderId: id }: { orderId: string }): Promise<void> => {
      run.push(id);
      return held;
    };
    app = await startOrdersApp({ url: sharedRedisUrl(), databaseUrl, process });
    const { store } = app;
    const open = store.open.bind(store);
    store.open = async (order, delivery) => {
      if (order.orderId === orderId) await beforeOpen(delivery.entryId);
      return open(order, delivery);
    };
  });
  beforeEach(() => {
    orderId = randomUUID();
    run = [];
    held = Promise.resolve();
    beforeOpen = () => Promise.resolve();
  });
  afterAll(() => app.close());

  const place = (body: object) => app.intake.place({ orderId, ...body }, { correlationId: 'c' });
  const add = (...fields: string[]) => app.redis.xadd(app.stream, '*', 'orderId', orderId, ...fields);
  const processed = () =>
    eventually(async () => {
      const order = await app.view(orderId);
      return order?.state === 'processed' ? order : undefined;
    });
  const letters = async () =>
    (await app.deadLetters()).filter(({ fields }) => JSON.stringify(fields).includes(orderId));
  const nothingPending = () => eventuallyPasses(async () => expect(await app.pending()).toEqual([]));

  it('is refused, and the first order stays as it is', async () => {
    const first = await place({ amount: 1 });
    const order = await processed();
    await expect(place({ amount: 2 })).rejects.toThrow(OrderIdConflictError);
    expect(await place({ amount: 1.0, createdAt: '2026-01-31T12:00:00Z', items: null })).toEqual(first);
    expect(await app.view(orderId)).toEqual(order);
  });

  it('is refused although nothing but the record knows of the first', async () => {
    await add('amount', '1');
    await processed();
    await expect(place({ amount: 2 })).rejects.toThrow(OrderIdConflictError);
    await place({ amount: 1 });
    await nothingPending();
    expect([run.length, await letters()]).toEqual([1, []]);
  });

  it('goes to one of two that come at once', async () => {
    const placed = await Promise.allSettled([place({ amount: 1 }), place({ amount: 2 })]);
    const refused = placed.filter((one) => one.status === 'rejected').map(({ reason }) => reason as unknown);
    expect(refused).toEqual([expect.any(OrderIdConflictError)]);
    await processed();
    await nothingPending();
    expect([run.length, await letters()]).toEqual([1, []]);
  });

  it('makes a dead letter of an entry, which makes one again when it is replayed', async () => {
    await place({ amount: 1, items: [{ quantity: 1, sku: 'a' }] });
    const order = await processed();
    await add('items', '[{"sku":"a","quantity":1}]', 'amount', '1.00');
    await nothingPending();
    expect(await letters()).toEqual([]);
    await add('amount', '2');
    for (const replays of ['0', '1']) {
      const [letter] = await eventually(async () => ((await letters()).length > 0 ? letters() : undefined));
      expect(letter?.fields).toMatchObject({
        'dlt-reason': 'not-retryable',
        'dlt-exception-name': 'OrderIdConflictError',
        'dlt-replays': replays,
      });
      expect(await app.view(orderId)).toEqual(order);
      if (replays === '0') await app.replay(letter?.id ?? '');
      await nothingPending();
    }
    expect(run).toEqual([orderId]);
  });

  it('is not ended by another while its order runs', async () => {
    const gate = closedGate();
    held = gate.pass();
    const first = await place({ amount: 1 });
    await eventuallyPasses(() => expect(run).toEqual([orderId]));
    const entryId = await add('amount', '2');
    await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
    expect((await letters())[0]?.fields['dlt-original-id']).toBe(entryId);
    expect(await app.view(orderId)).toMatchObject({ state: 'accepted', entryId: first.entryId });
    gate.open();
    await processed();
  });

  describe('and whose entry fails before that is seen', () => {
    const early = () => Promise.reject(new Error('early'));

    it.each([1, Infinity])('changes nothing of the first, failing %d times', async (times) => {
      held = Promise.reject(new Error('no stock'));
      held.catch(() => undefined);
      const first = await place({ amount: 1 });
      await eventuallyPasses(() => expect(run).toHaveLength(1));
      const gate = closedGate();
      held = gate.pass();
      await eventuallyPasses(() => expect(run).toHaveLength(2));
      const order = await app.view(orderId);
      expect(order).toMatchObject({ entryId: first.entryId, lastError: 'Error: no stock' });
      let left = times;
      beforeOpen = () => ((left -= 1) < 0 ? Promise.resolve() : early());
      await add('amount', '2');
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      expect(await app.view(orderId)).toEqual(order);
      gate.open();
      await processed();
      expect(await letters()).toHaveLength(1);
    });

    it('leaves the first its dead letter when it vanishes meanwhile', async () => {
      held = Promise.reject(new Error('no stock'));
      held.catch(() => undefined);
      await place({ amount: 1 });
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      const order = await app.view(orderId);
      expect(order).toMatchObject({ state: 'dead-lettered' });
      beforeOpen = async (entryId) => {
        await app.redis.xdel(app.stream, entryId);
        await early();
      };
      await add('amount', '2');
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(2));
      expect(await app.view(orderId)).toEqual(order);
      expect((await letters())[1]?.fields).toMatchObject({ 'dlt-reason': 'vanished' });
    });

    /** Lets the first entry that comes fail once, and wait from then on. */
    function failFirst(): { open: () => void; waits: () => Promise<void> } {
      const gate = closedGate();
      let first: string | undefined;
      let looks = 0;
      beforeOpen = async (entryId) => {
        first ??= entryId;
        if (entryId !== first) return;
        looks += 1;
        if (looks === 1) await early();
        await gate.pass();
      };
      return { open: () => gate.open(), waits: () => eventuallyPasses(() => expect(looks).toBe(2)) };
    }

    it('does not end as a duplicate of one that came later', async () => {
      const first = failFirst();
      const entryId = await add('amount', '1');
      await first.waits();
      await add('amount', '2');
      await eventuallyPasses(async () => expect(await app.pending()).toEqual([entryId]));
      first.open();
      await nothingPending();
      expect(run).toEqual([orderId]);
      expect(await letters()).toMatchObject([{ fields: { 'dlt-exception-name': 'OrderIdConflictError' } }]);
      expect((await app.view(orderId))?.state).toBe('processed');
    });

    it('is not shown for an order whose own entry is on its way', async () => {
      if (kind === 'Redis') return;
      const other = failFirst();
      await app.store.accept({ orderId, amount: 1 }, new Date().toISOString(), async () => {
        await add('amount', '2');
        await other.waits();
        expect(await app.view(orderId)).toBeUndefined();
        return (await add('amount', '1')) ?? '';
      });
      const order = await processed();
      other.open();
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      expect(await app.view(orderId)).toEqual(order);
    });

    it('is another one than the next also once it is dead-lettered', async () => {
      beforeOpen = early;
      await add('amount', '1');
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      const order = await app.view(orderId);
      beforeOpen = () => Promise.resolve();
      await add('amount', '2');
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(2));
      expect(await app.view(orderId)).toEqual(order);
      expect(run).toEqual([]);
    });
  });

  it('of which nothing was noted before is nobody else’s', async () => {
    if (kind === 'PostgreSQL') return;
    await place({ amount: 1 });
    await processed();
    await app.redis.hdel(`{${app.stream}}:order:${orderId}`, 'content');
    await add('amount', '2');
    await nothingPending();
    expect([run.length, await letters()]).toEqual([1, []]);
  });
});
