import type { Redis } from 'ioredis';
import { DeliveryLostError } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP, startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const ACK_WAIT_MS = 300;

describe('The heartbeat', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  async function start(handler: ServerSetup['handler'], options: ServerSetup['options'] = {}) {
    const running = await startServer({ stream, handler, options: { ackWaitMs: ACK_WAIT_MS, ...options } });
    started.push(running);
    return running;
  }

  it('lets a handler three ack waits long run once, with a second process beside it', async () => {
    let runs = 0;
    const slow = async (): Promise<void> => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 3 * ACK_WAIT_MS));
    };
    await Promise.all([start(slow), start(slow)]);
    await addOrders(redis, stream, numbered(6));
    await eventuallyPasses(async () => {
      expect(started.flatMap(({ told }) => told.processed)).toHaveLength(6);
      expect(await pendingRows(redis, stream)).toEqual([]);
    });
    expect(runs).toBe(6);
    expect(started.flatMap(({ told }) => told.reclaimed)).toEqual([]);
  });

  it('keeps entries fresh that wait for a slot, or hands them back uncharged', async () => {
    const counts: number[] = [];
    const slow: ServerSetup['handler'] = async (_, context) => {
      counts.push(context.getDeliveryCount());
      await new Promise((resolve) => setTimeout(resolve, 2 * ACK_WAIT_MS));
    };
    const busy = await start(slow, { maxInFlight: 1 });
    await addOrders(redis, stream, numbered(5));
    await eventually(() => busy.told.received[0]);
    await start(slow, { maxInFlight: 1 });
    await eventuallyPasses(async () => {
      expect(started.flatMap(({ told }) => told.processed)).toHaveLength(5);
      expect(await pendingRows(redis, stream)).toEqual([]);
    });
    expect(counts).toEqual([1, 1, 1, 1, 1]);
    expect(started[1]?.told.processed.length).toBeGreaterThan(0);
  });

  it('does not steal back from a thief, and tells the handler that its result no longer counts', async () => {
    const aborted: unknown[] = [];
    let finish = (): void => undefined;
    const victim = await start((_, context) => {
      const signal = context.getSignal();
      signal.addEventListener('abort', () => aborted.push(signal.reason));
      return new Promise<void>((resolve) => (finish = resolve));
    });
    const [id = ''] = await addOrders(redis, stream, ['1']);
    await eventually(() => victim.told.received[0]);
    await redis.xclaim(stream, GROUP, 'thief', 0, id);
    await eventually(() => aborted[0]);
    expect(aborted).toMatchObject([expect.any(DeliveryLostError)]);
    expect(await pendingRows(redis, stream)).toMatchObject([{ owner: 'thief', count: 2 }]);
    finish();
    await redis.xack(stream, GROUP, id);
    await eventuallyPasses(() => expect(victim.told.processed).toEqual([]));
  });

  it('brings back nothing that was acknowledged meanwhile', async () => {
    let finish = (): void => undefined;
    const victim = await start(() => new Promise<void>((resolve) => (finish = resolve)));
    const [id = ''] = await addOrders(redis, stream, ['1']);
    await eventually(() => victim.told.received[0]);
    await redis.xack(stream, GROUP, id);
    const [other = ''] = await addOrders(redis, stream, ['2']);
    await eventually(() => (victim.told.received.length === 2 ? true : undefined));
    await eventually(async () => {
      const [row] = await pendingRows(redis, stream);
      return row?.id === other && row.idleMs < ACK_WAIT_MS / 6 ? row : undefined;
    });
    expect(await pendingRows(redis, stream)).toHaveLength(1);
    finish();
  });
});
