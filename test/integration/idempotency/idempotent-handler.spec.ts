import type { Redis } from 'ioredis';
import { helperKeyOf } from '../../../src/transport/entry/names.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { closedGate } from '../../support/gate.js';
import { abandon, addOrders, deadLetters, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import {
  GROUP,
  startServer,
  type ServerSetup,
  type StartedServer,
  type TestHandler,
} from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const ACK_WAIT_MS = 400;

describe('A handler that is called once for each key', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  /** Entry ids, in the order in which the handler was called. */
  let calls: string[];
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
    calls = [];
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  /** The effect is what is committed. */
  function handlerWith(work: TestHandler = () => undefined): TestHandler {
    return async (payload, context) => {
      if (payload.orderId === 'ends-the-read') return;
      calls.push(context.getEntryId());
      context.commit((tx) => tx.hincrby(`${stream}:effects`, String(payload.orderId), 1));
      await work(payload, context);
    };
  }
  async function start(setup: Partial<ServerSetup> = {}): Promise<StartedServer> {
    const idempotent = { key: (payload: unknown) => (payload as { orderId: string }).orderId };
    const running = await startServer({ stream, handler: handlerWith(), idempotent, ...setup });
    started.push(running);
    return running;
  }
  const marker = (key: string): string => helperKeyOf(stream, GROUP, 'idempotent', 'orders', `=${key}`);
  const effects = (): Promise<Record<string, string>> => redis.hgetall(`${stream}:effects`);
  const told = <K extends keyof StartedServer['told']>(name: K): StartedServer['told'][K] =>
    started.flatMap((running) => running.told[name] as never[]);
  const settled = () => eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));

  it('has one effect for an order that was sent twice, on two processes at once', async () => {
    await Promise.all([start(), start()]);
    const orderIds = Array.from({ length: 60 }, (_, i) => `order-${i}`);
    await addOrders(redis, stream, [...orderIds, ...orderIds]);
    await settled();
    expect(await effects()).toEqual(Object.fromEntries(orderIds.map((orderId) => [orderId, '1'])));
    expect(calls).toHaveLength(60);
    expect(told('processed')).toHaveLength(60);
    expect(told('duplicate')).toHaveLength(60);
    expect(told('failed')).toEqual([]);
  });

  it('remembers a key that is done for the window, and no longer', async () => {
    const { told } = await start({ idempotent: { key: () => 'one', windowMs: 250 } });
    const [first = ''] = await addOrders(redis, stream, ['a']);
    await settled();
    expect(await redis.get(marker('one'))).toBe(`done:${first}`);
    expect(await redis.pttl(marker('one'))).toBeLessThanOrEqual(250);
    await addOrders(redis, stream, ['b']);
    await eventually(() => told.duplicate[0]);
    await eventually(async () => ((await redis.exists(marker('one'))) === 0 ? true : undefined));
    await addOrders(redis, stream, ['c']);
    await eventually(() => (calls.length === 2 ? true : undefined));
    await settled();
    expect(await effects()).toEqual({ a: '1', c: '1' });
  });

  it('lets a duplicate wait while the first is at work, longer than the ack wait, and charges it nothing', async () => {
    const gate = closedGate();
    await start({ handler: handlerWith(() => gate.pass()) });
    const [first = ''] = await addOrders(redis, stream, ['42']);
    await gate.reached;
    const began = Date.now();
    await start({ handler: handlerWith(() => gate.pass()), retry: { maxRetries: 0 } });
    const [second = ''] = await addOrders(redis, stream, ['42']);
    // More often than it could fail.
    await eventually(() => (told('duplicate-waiting').length > 4 ? true : undefined));
    await eventually(() => (Date.now() - began > 3 * ACK_WAIT_MS ? true : undefined));
    expect(new Set(told('duplicate-waiting').map(({ deliveryCount }) => deliveryCount))).toEqual(
      new Set([1]),
    );
    gate.open();
    await settled();
    expect(calls).toEqual([first]);
    expect(told('duplicate')).toMatchObject([{ entryId: second, deliveryCount: 1 }]);
    expect(await effects()).toEqual({ 42: '1' });
    expect(await deadLetters(redis, stream)).toEqual([]);
  });

  it.each([
    ['will be tried again', 2],
    ['is dead-lettered', 0],
  ])('leaves the key to the next when the first fails and %s', async (_, maxRetries) => {
    const gate = closedGate();
    let first: string | undefined;
    const handler = handlerWith(async (_payload, context) => {
      first ??= context.getEntryId();
      if (context.getEntryId() !== first) return;
      await gate.pass();
      throw new Error('fails always');
    });
    await start({ handler, retry: { maxRetries, backoff: { type: 'fixed', delayMs: 60_000 } } });
    await addOrders(redis, stream, ['42', '42']);
    await gate.reached;
    await eventually(() => told('duplicate-waiting')[0]);
    gate.open();
    await eventually(() => told('processed')[0]);
    expect(await effects()).toEqual({ 42: '1' });
    expect(await redis.get(marker('42'))).toMatch(/^done:/);
    expect(await redis.get(marker('42'))).not.toBe(`done:${first ?? ''}`);
    expect(await deadLetters(redis, stream)).toHaveLength(maxRetries === 0 ? 1 : 0);
  });

  it('has its effect once when the process of the first dies in the middle', async () => {
    const [first = ''] = await addOrders(redis, stream, ['42']);
    await abandon(redis, stream, { idleMs: 0 });
    await redis.set(marker('42'), `${first}:1`);
    await addOrders(redis, stream, ['42']);
    await start();
    await settled();
    expect(calls).toHaveLength(1);
    expect(await effects()).toEqual({ 42: '1' });
    expect(told('processed')).toHaveLength(1);
    expect(told('duplicate')).toHaveLength(1);
  });

  it.each([
    [{ handlerTimeoutMs: 90_000 }, 90_000],
    [{ handlerTimeoutMs: 0 }, -1],
  ])('keeps the marker for longer than the handler may take: %p', async (retry, leastMs) => {
    const gate = closedGate();
    await start({ handler: handlerWith(() => gate.pass()), retry });
    await addOrders(redis, stream, ['42']);
    await gate.reached;
    const leftMs = await redis.pttl(marker('42'));
    if (leastMs === -1) expect(leftMs).toBe(-1);
    else expect(leftMs).toBeGreaterThan(leastMs);
    gate.open();
    await settled();
  });

  it('commits nothing when its marker was evicted, and runs again uncharged', async () => {
    const handler = handlerWith(() => (calls.length === 1 ? redis.del(marker('42')) : undefined));
    await start({ handler, retry: { maxRetries: 0 } });
    const [id = ''] = await addOrders(redis, stream, ['42']);
    await eventually(() => told('processed')[0]);
    expect(calls).toEqual([id, id]);
    expect(told('commit-refused')).toMatchObject([{ entryId: id, settlement: 'superseded' }]);
    expect(told('processed')).toMatchObject([{ entryId: id, deliveryCount: 1 }]);
    expect(told('failed')).toEqual([]);
    expect(await effects()).toEqual({ 42: '1' });
  });

  it('commits nothing when another has taken the key meanwhile, and finds out that it is done', async () => {
    const gate = closedGate();
    await start({ handler: handlerWith(() => (calls.length === 1 ? gate.pass() : undefined)) });
    const [first = ''] = await addOrders(redis, stream, ['42']);
    await gate.reached;
    await redis.del(marker('42'));
    const [second = ''] = await addOrders(redis, stream, ['42']);
    await eventually(() => told('processed')[0]);
    gate.open();
    await settled();
    expect(calls).toEqual([first, second]);
    expect(told('commit-refused')).toMatchObject([{ entryId: first, settlement: 'superseded' }]);
    expect(told('duplicate')).toMatchObject([{ entryId: first, deliveryCount: 1 }]);
    expect(await effects()).toEqual({ 42: '1' });
  });

  it('dead-letters an entry whose marker holds something else, and says so', async () => {
    await redis.hset(marker('42'), 'a', 'hash');
    await start({ retry: { maxRetries: 0 } });
    await addOrders(redis, stream, ['42']);
    const [letter] = await eventually(async () => {
      const letters = await deadLetters(redis, stream);
      return letters.length > 0 ? letters : undefined;
    });
    expect(letter?.fields['dlt-exception-message']).toContain(`"${marker('42')}" holds a hash, not a string`);
    expect(calls).toEqual([]);
  });

  it('dead-letters at once what has no key, and never handles it without one', async () => {
    await start({ idempotent: { key: (payload) => (payload as { invoice: string }).invoice } });
    await addOrders(redis, stream, ['42']);
    await eventually(() => told('dead-lettered')[0]);
    const [letter] = await deadLetters(redis, stream);
    expect(letter?.fields).toMatchObject({
      'dlt-reason': 'not-retryable',
      'dlt-exception-name': 'IdempotencyKeyError',
      'dlt-exception-message': expect.stringContaining('the key function gave undefined') as string,
    });
    expect(told('received')).toEqual([]);
    expect(calls).toEqual([]);
  });

  it('keeps the keys of handlers apart by name', async () => {
    await start({ idempotent: { key: () => 'one', name: 'billing' } });
    await addOrders(redis, stream, ['42']);
    await settled();
    expect(await redis.exists(marker('one'))).toBe(0);
    expect(await redis.exists(helperKeyOf(stream, GROUP, 'idempotent', 'billing', '=one'))).toBe(1);
  });

  it('does not take a crash suspect that had to wait for one that has run alone', async () => {
    const gate = closedGate();
    await start({ handler: handlerWith(() => gate.pass()) });
    await addOrders(redis, stream, ['42']);
    await gate.reached;
    const [suspect = ''] = await addOrders(redis, stream, ['42']);
    await eventually(() => told('duplicate-waiting')[0]);
    await redis.xclaim(
      ...([stream, GROUP, 'dead', 0, suspect, 'IDLE', 3_600_000, 'RETRYCOUNT', 3, 'JUSTID'] as const),
    );
    await redis.zrem(helperKeyOf(stream, GROUP, 'retry'), suspect);
    await start({ handler: handlerWith(() => gate.pass()) });
    await eventually(() => told('duplicate-waiting').find(({ deliveryCount }) => deliveryCount === 4));
    await eventuallyPasses(async () => {
      expect(await redis.get(helperKeyOf(stream, GROUP, 'alone', suspect))).not.toBe('4');
    });
    gate.open();
    await settled();
    expect(told('duplicate')).toMatchObject([{ entryId: suspect, deliveryCount: 4 }]);
    expect(await deadLetters(redis, stream)).toEqual([]);
  });
});
