import type { Redis } from 'ioredis';
import { RedisStreamsServer, type LoopBlockedEvent } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { closedGate } from '../../support/gate.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { GROUP } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const BLOCK_MS = 500;

function block(): void {
  for (const began = performance.now(); performance.now() - began < BLOCK_MS;);
}

describe('An event loop that two streams share', () => {
  let redis: Redis;
  let server: RedisStreamsServer;
  let streams: { orders: string; bills: string };
  let told: LoopBlockedEvent[];
  let waiting: string[];
  let gate: ReturnType<typeof closedGate>;

  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    streams = { orders: uniqueName('orders'), bills: uniqueName('bills') };
    told = [];
    waiting = [];
    gate = closedGate();
  });
  afterEach(async () => {
    gate.open();
    await server.close();
    redis.disconnect();
  });

  /** @param blocking - the handler of orders; the one of bills waits */
  async function start(blocking: () => Promise<void>): Promise<void> {
    server = new RedisStreamsServer({
      connection: { url: sharedRedisUrl() },
      ...{ group: GROUP, streams, ackWaitMs: 300, recoveryIntervalMs: 25 },
    });
    server.on('loop-blocked', (event) => void told.push(event));
    server.addHandler('orders', blocking, true);
    server.addHandler(
      'bills',
      async () => {
        waiting.push('bill');
        await gate.pass();
      },
      true,
    );
    await new Promise<void>((resolve, reject) => {
      void server.listen((error) => (error instanceof Error ? reject(error) : resolve()));
    });
  }

  const add = (stream: string): Promise<string | null> => redis.xadd(stream, '*', 'orderId', '1');

  /** The loop has turned often enough for every stream to have said what it has to say. */
  async function afterwards(): Promise<void> {
    await add(streams.bills);
    await eventuallyPasses(() => expect(waiting).toHaveLength(2));
    const began = performance.now();
    await eventually(() => performance.now() - began > 200 || undefined);
  }

  it.each([
    [
      'at once, and then waits',
      () => {
        block();
        return gate.pass();
      },
    ],
    [
      'after it waited, and ends',
      async () => {
        await new Promise((resolve) => setImmediate(resolve));
        block();
      },
    ],
  ])('is blocked by the one whose handler computes: %s', async (_, blocking) => {
    await start(blocking);
    await add(streams.bills);
    await eventuallyPasses(() => expect(waiting).toHaveLength(1));
    const id = await add(streams.orders);
    await eventually(() => told[0]);
    await afterwards();
    expect(told).toMatchObject([{ pattern: 'orders', entryIds: [id] }]);
    expect(told[0]?.durationMs).toBeGreaterThanOrEqual(BLOCK_MS * 0.8);
  });

  it('is not said to be blocked by one of them for sure when that is not known', async () => {
    await start(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      block();
      await gate.pass();
    });
    const bill = await add(streams.bills);
    await eventuallyPasses(() => expect(waiting).toHaveLength(1));
    const order = await add(streams.orders);
    await eventuallyPasses(() => expect(told).toHaveLength(2));
    expect(told).toMatchObject([
      { pattern: 'orders', entryIds: [order], basis: 'ran' },
      { pattern: 'bills', entryIds: [bill], basis: 'ran' },
    ]);
  });
});
