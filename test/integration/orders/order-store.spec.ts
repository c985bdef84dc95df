import { randomUUID } from 'node:crypto';
import type { OrderEventDto } from '../../../src/orders/dto/order-event.dto.js';
import { letterNotesOf } from '../../../src/transport/entry/names.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { startOrdersApp, type OrdersApp } from '../../support/orders-app.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP } from '../../support/started-server.js';

/** One call of the handler, which the test ends. */
interface Call {
  readonly orderId: string;
  succeed(): void;
  fail(): void;
}

/** Attempts that the apps of these tests give an entry. */
const ATTEMPTS = 2;

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

/** What holds of an order wherever it is kept. */
describe.each(['Redis', 'PostgreSQL'])('An order in %s', (kind) => {
  let app: OrdersApp;
  let orderId: string;
  let calls: Call[];

  const process = ({ orderId: id }: OrderEventDto): Promise<void> =>
    new Promise((resolve, reject) => {
      calls.push({ orderId: id, succeed: resolve, fail: () => reject(new Error('no stock')) });
    });
  beforeAll(async () => {
    const databaseUrl = kind === 'PostgreSQL' ? postgres.url : undefined;
    app = await startOrdersApp({ url: sharedRedisUrl(), databaseUrl, process });
  });
  beforeEach(() => {
    orderId = randomUUID();
    calls = [];
  });
  afterEach(async () => {
    for (const call of calls) call.succeed();
    await nothingPending();
  });
  afterAll(() => app.close());

  const call = (index: number): Promise<Call> => eventually(() => calls[index]);
  const view = () => app.view(orderId);
  const nothingPending = () => eventuallyPasses(async () => expect(await app.pending()).toEqual([]));
  /** Adds an entry of the order and waits until a handler has it. */
  async function running(): Promise<{ entryId: string; call: Call }> {
    const index = calls.length;
    const entryId = await app.add(orderId);
    return { entryId, call: await call(index) };
  }
  const failAttempts = async (from: number, count = ATTEMPTS): Promise<void> => {
    for (let i = from; i < from + count; i += 1) (await call(i)).fail();
  };
  const followUps = async () => (await app.followUps()).filter((event) => event.orderId === orderId);
  const letters = async () =>
    (await app.deadLetters()).filter(({ fields }) => fields.data?.includes(orderId) === true);
  const duplicates = () => app.duplicates.filter(({ payload }) => JSON.stringify(payload).includes(orderId));
  /** Takes an entry from its process as another one does that thinks it dead. @returns the delivery count since */
  async function takeAway(entryId: string, consumer: string, count: number): Promise<void> {
    const options = ['IDLE', 3_600_000, 'RETRYCOUNT', count, 'JUSTID'] as const;
    await app.redis.xclaim(app.stream, GROUP, consumer, 0, entryId, ...options);
  }
  async function endsProcessedBy(entryId: string, attempts: number): Promise<void> {
    await nothingPending();
    const order = await view();
    expect(order).toMatchObject({ orderId, state: 'processed', attempts });
    expect(order).not.toHaveProperty('deadLetterId');
    const processedAt = order?.updatedAt;
    expect(await followUps()).toEqual([{ orderId, entryId, attempts, processedAt, retry: '0' }]);
    expect(await letters()).toEqual([]);
  }
  const endsAsDuplicate = (entryId: string) =>
    eventuallyPasses(() => expect(duplicates()).toMatchObject([{ entryId }]));
  async function endsDeadLetteredBy(entryId: string): Promise<void> {
    await nothingPending();
    const [letter, ...others] = await letters();
    expect(others).toEqual([]);
    expect(letter?.fields['dlt-original-id']).toBe(entryId);
    expect(await view()).toMatchObject({ state: 'dead-lettered', deadLetterId: letter?.id });
    expect(await followUps()).toEqual([]);
  }

  it('is known from the moment it is placed, and goes from accepted to processed', async () => {
    const { entryId } = await app.intake.place({ orderId, amount: 1 }, { correlationId: 'c-1' });
    const accepted = await view();
    expect(accepted).toEqual({
      ...{ orderId, entryId, state: 'accepted', attempts: expect.any(Number) as number },
      ...{ acceptedAt: expect.any(String) as string, updatedAt: accepted?.acceptedAt },
    });
    (await call(0)).succeed();
    await nothingPending();
    expect(await view()).toMatchObject({ entryId, state: 'processed', acceptedAt: accepted?.acceptedAt });
  });

  it('is retried with its last error told, and ends in a dead letter', async () => {
    const { entryId, call: first } = await running();
    first.fail();
    await eventuallyPasses(async () =>
      expect(await view()).toMatchObject({ state: 'retrying', lastError: 'Error: no stock' }),
    );
    await failAttempts(1, 1);
    await endsDeadLetteredBy(entryId);
    expect(await view()).toMatchObject({ attempts: ATTEMPTS, lastError: 'Error: no stock' });
  });

  it('tells of itself once it is processed, with what it was followed by', async () => {
    const entryId = await app.add(orderId, 'correlation-id', 'c-1', 'traceparent', '00-1', 'tenant', 'no');
    await failAttempts(0, 1);
    (await call(1)).succeed();
    await nothingPending();
    expect(await followUps()).toEqual([
      {
        ...{ orderId, entryId, attempts: 2, processedAt: (await view())?.updatedAt, retry: '0' },
        ...{ 'correlation-id': 'c-1', traceparent: '00-1' },
      },
    ]);
  });

  describe('that came as two entries', () => {
    it('ends by the first; the second comes after it', async () => {
      const { entryId, call: first } = await running();
      first.succeed();
      await nothingPending();
      const second = await app.add(orderId);
      await endsProcessedBy(entryId, 1);
      expect(calls).toHaveLength(1);
      await endsAsDuplicate(second);
    });

    it('ends by whichever finishes first, when both are handled at once', async () => {
      const [first, second] = [await running(), await running()];
      second.call.succeed();
      await eventuallyPasses(async () => expect(await followUps()).toHaveLength(1));
      first.call.succeed();
      await endsProcessedBy(second.entryId, 1);
      await endsAsDuplicate(first.entryId);
    });

    it('is not processed by one when the other was dead-lettered', async () => {
      const first = await running();
      const { entryId } = await running();
      await failAttempts(1);
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      first.call.succeed();
      await endsDeadLetteredBy(entryId);
      await endsAsDuplicate(first.entryId);
    });

    it('is not dead-lettered by one when the other was processed', async () => {
      const first = await running();
      const second = await running();
      second.call.fail();
      const last = await call(2);
      first.call.succeed();
      await eventuallyPasses(async () => expect(await followUps()).toHaveLength(1));
      last.fail();
      await endsProcessedBy(first.entryId, 1);
      await endsAsDuplicate(second.entryId);
    });

    it('is handled no more by one that waits for a retry when the other ended it', async () => {
      const first = await running();
      const second = await running();
      first.call.succeed();
      await eventuallyPasses(async () => expect(await followUps()).toHaveLength(1));
      second.call.fail();
      await endsProcessedBy(first.entryId, 1);
      expect(calls).toHaveLength(2);
    });

    it('leaves one dead letter when both fail for good', async () => {
      const [first, second] = [await running(), await running()];
      first.call.fail();
      second.call.fail();
      const last = [await call(2), await call(3)];
      for (const one of last) one.fail();
      await nothingPending();
      expect(await letters()).toHaveLength(1);
      await eventuallyPasses(() => expect(duplicates()).toHaveLength(1));
      expect([first.entryId, second.entryId]).toContain(duplicates()[0]?.entryId);
    });

    it('is its second after a dead letter, and stays dead', async () => {
      const { entryId } = await running();
      await failAttempts(0);
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      await app.add(orderId);
      await endsDeadLetteredBy(entryId);
      expect(calls).toHaveLength(ATTEMPTS);
    });

    it('is not ended by one that is not valid', async () => {
      await app.redis.xadd(app.stream, '*', 'orderId', orderId, 'admin', 'yes');
      await eventuallyPasses(async () =>
        expect((await app.deadLetters()).some(({ fields }) => fields.orderId === orderId)).toBe(true),
      );
      expect(await view()).toBeUndefined();
      const { entryId, call: only } = await running();
      only.succeed();
      await endsProcessedBy(entryId, 1);
    });
  });

  describe('whose process was thought dead', () => {
    it('takes effect once, whoever finishes', async () => {
      const { entryId, call: zombie } = await running();
      await takeAway(entryId, 'dead', 1);
      const successor = await call(1);
      zombie.succeed();
      successor.succeed();
      await nothingPending();
      expect(await view()).toMatchObject({ state: 'processed' });
      expect(await followUps()).toHaveLength(1);
    });

    it('does not take effect after its dead letter', async () => {
      const { entryId, call: zombie } = await running();
      // Abandoned when it ran alone, beyond its attempts: dead-lettered without being run.
      await app.redis.set(`{${app.stream}}:${GROUP}:alone:${entryId}`, '3', 'PX', 60_000);
      await takeAway(entryId, 'dead', 3);
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      zombie.succeed();
      await endsDeadLetteredBy(entryId);
      expect((await letters())[0]?.fields['dlt-reason']).toBe('abandoned');
    });
  });

  describe('that is replayed', () => {
    /** @returns the id of the new entry */
    async function replay(): Promise<string> {
      return app.replay(await letterId());
    }
    // PostgreSQL says how an order ends before the letter is written.
    const letterId = async () => (await eventually(async () => (await letters())[0])).id;
    async function deadLettered(): Promise<string> {
      const { entryId } = await running();
      await failAttempts(calls.length - 1);
      await nothingPending();
      return entryId;
    }

    it('is on its way again, and can be processed, once', async () => {
      await app.add(orderId);
      await failAttempts(0);
      await eventuallyPasses(async () => expect((await view())?.state).toBe('dead-lettered'));
      const entryId = await replay();
      const again = await call(ATTEMPTS);
      const order = await view();
      expect(order).toMatchObject({ state: 'accepted', replays: 1, entryId, attempts: 1 });
      expect(order).not.toHaveProperty('deadLetterId');
      again.succeed();
      await nothingPending();
      await app.add(orderId);
      await nothingPending();
      expect(await view()).toMatchObject({ state: 'processed', replays: 1, entryId });
      expect(await followUps()).toMatchObject([{ entryId, attempts: 1 }]);
    });

    it('can be dead-lettered again', async () => {
      await app.add(orderId);
      await failAttempts(0);
      await eventuallyPasses(async () => expect((await view())?.state).toBe('dead-lettered'));
      await replay();
      await failAttempts(ATTEMPTS);
      await nothingPending();
      expect(await view()).toMatchObject({ state: 'dead-lettered', replays: 1 });
      expect(await letters()).toHaveLength(1);
      expect((await view())?.deadLetterId).toBe((await letters())[0]?.id);
    });

    it.each(['before', 'after'])(
      'is not touched by the process that had it before, and comes back to it %s it is handled again',
      async (when) => {
        const first = await running();
        await app.redis.set(`{${app.stream}}:${GROUP}:alone:${first.entryId}`, '3', 'PX', 60_000);
        await takeAway(first.entryId, 'dead', 3);
        const entryId = await replay();
        const again = await call(1);
        if (when === 'before') first.call.succeed();
        // As the process does that is given the entry, and then stands still.
        const zombie = app.store.open({ orderId }, { entryId: first.entryId, attempts: 1, replays: 0 });
        if (kind === 'PostgreSQL') await expect(zombie).rejects.toThrow('is settled already');
        else await zombie;
        again.succeed();
        await nothingPending();
        first.call.succeed();
        await eventuallyPasses(async () => expect(await followUps()).toMatchObject([{ entryId }]));
        expect(await view()).toMatchObject({ state: 'processed', replays: 1, entryId });
        expect(await letters()).toEqual([]);
      },
    );

    it('can be processed when its letter does not say that it was replayed before', async () => {
      await deadLettered();
      await replay();
      await failAttempts(ATTEMPTS);
      await nothingPending();
      // As a letter that an earlier build wrote, which has no note.
      const id = await letterId();
      expect(await app.redis.zrem(letterNotesOf(app.stream), id)).toBe(1);
      const entryId = await app.replay(id, app.stream);
      (await call(2 * ATTEMPTS)).succeed();
      await endsProcessedBy(entryId, 1);
      expect(await view()).toMatchObject({ replays: 2 });
    });

    it('can be processed when a process of an earlier build replayed it, which leaves no note', async () => {
      const first = await deadLettered();
      const entryId = `${Number.parseInt(first, 10) + 60_000}-0`;
      const key = `{${app.stream}}:order:${orderId}`;
      await app.redis
        .multi()
        .xdel(`${app.stream}.DLT`, await letterId())
        .hdel(key, 'outcome', 'deadLetterId', 'failure')
        .hset(key, { entryId, replays: 1 })
        .xadd(app.stream, entryId, 'data', JSON.stringify({ orderId }), 'retry', '0', 'dlt-replays', '1')
        .exec();
      (await call(ATTEMPTS)).succeed();
      await endsProcessedBy(entryId, 1);
    });

    it('is not opened by the replay that opened it before, once another entry ended it', async () => {
      await deadLettered();
      const entryId = await replay();
      const replayed = await call(ATTEMPTS);
      const other = await app.add(orderId);
      await failAttempts(ATTEMPTS + 1);
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      replayed.fail();
      await endsDeadLetteredBy(other);
      await endsAsDuplicate(entryId);
      expect(calls).toHaveLength(2 * ATTEMPTS + 1);
    });

    it('is not opened by the replay of another letter that carries its id', async () => {
      const { entryId } = await running();
      await failAttempts(0);
      await eventuallyPasses(async () => expect(await letters()).toHaveLength(1));
      await app.add(orderId, 'dlt-replays', '1');
      await endsDeadLetteredBy(entryId);
      expect(calls).toHaveLength(ATTEMPTS);
    });
  });
});
