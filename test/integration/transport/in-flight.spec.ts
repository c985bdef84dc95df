import { Controller } from '@nestjs/common';
import { EventPattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { callsOf } from '../../support/open-redis.js';
import { recordingController } from '../../support/recording-controller.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

let redis: TestRedis;
let running: TransportApp;
beforeAll(async () => {
  redis = await startRedis({ kind: 'process' });
});
afterEach(() => running.close());
afterAll(() => redis.stop());

/** Handlers that end when they are told to, and how many run. */
function gate() {
  const waiting: { pattern: string; end: () => void }[] = [];
  const seen = { most: 0, order: [] as string[] };
  const { controllers, received } = recordingController(async ({ context, payload }) => {
    if ((payload as { quick?: true }).quick) return;
    seen.order.push(context.getPattern());
    await new Promise<void>((end) => {
      waiting.push({ pattern: context.getPattern(), end });
      seen.most = Math.max(seen.most, waiting.length);
    });
  });
  return { controllers, received, seen, waiting, endOne: () => waiting.shift()?.end() };
}

const emit = (pattern: string, count: number, payload = {}) =>
  Promise.all(
    Array.from({ length: count }, () => firstValueFrom(running.client.emit<string>(pattern, payload))),
  );

it('never runs more handlers at once than maxInFlight, over all streams', async () => {
  const { controllers, seen, waiting, endOne } = gate();
  running = await startTransportApp({ url: redis.url, controllers, server: { maxInFlight: 4 } });
  await Promise.all([emit('orders', 20), emit('payments', 20)]);

  for (let ended = 0; ended < 40; ended += 1) {
    // One is kept for the pattern that has nothing left.
    await eventuallyPasses(() => expect(waiting.length).toBeGreaterThanOrEqual(Math.min(3, 40 - ended)));
    endOne();
  }
  await eventuallyPasses(() => expect(running.processed).toHaveLength(40));
  expect(seen.most).toBe(4);
});

it('handles the entries of a pattern while those of another one take every slot that they may', async () => {
  const { controllers, seen, waiting, endOne } = gate();
  running = await startTransportApp({ url: redis.url, controllers, server: { maxInFlight: 4 } });
  await emit('orders', 100);
  await eventuallyPasses(() => expect(waiting).toHaveLength(3));
  await emit('payments', 1);

  await eventuallyPasses(() => expect(seen.order).toContain('payments'));
  expect(seen.order).toHaveLength(4);
  await eventuallyPasses(() => {
    endOne();
    expect(running.processed).toHaveLength(101);
  });
});

it('bounds the handlers of one pattern, which leaves the slots to the others', async () => {
  let most = 0;
  const waiting: (() => void)[] = [];
  class BoundedController {
    @EventPattern<string>('orders', { maxInFlight: 1 })
    async orders(): Promise<void> {
      await new Promise<void>((end) => {
        waiting.push(end);
        most = Math.max(most, waiting.length);
      });
    }
    @EventPattern<string>('payments')
    payments(): void {
      // Nothing to do.
    }
  }
  Controller()(BoundedController);
  running = await startTransportApp({
    ...{ url: redis.url, controllers: [BoundedController], server: { maxInFlight: 4 } },
  });
  await Promise.all([emit('orders', 5), emit('payments', 50)]);

  await eventuallyPasses(() => expect(running.processed).toHaveLength(50));
  await eventuallyPasses(() => {
    waiting.shift()?.();
    expect(running.processed).toHaveLength(55);
  });
  expect(most).toBe(1);
});

it('a slow handler holds up none of the entries behind it', async () => {
  const { controllers, waiting, endOne } = gate();
  running = await startTransportApp({ url: redis.url, controllers, server: { maxInFlight: 4 } });
  const slow = await emit('orders', 2);
  await eventuallyPasses(() => expect(waiting).toHaveLength(2));
  const quick = await emit('orders', 300, { quick: true });

  await eventuallyPasses(() => expect(running.processed).toHaveLength(quick.length));
  await eventuallyPasses(async () => expect((await running.pending()).sort()).toEqual(slow.sort()));
  endOne();
  endOne();
});

it('reads no more than it can soon handle', async () => {
  const { controllers, waiting, endOne } = gate();
  running = await startTransportApp({ url: redis.url, controllers, server: { maxInFlight: 4 } });
  await emit('orders', 1_000);
  await eventuallyPasses(() => expect(waiting).toHaveLength(3));
  await eventually(async () => ((await running.pending()).length >= 3 ? true : undefined));

  expect((await running.pending()).length).toBeLessThanOrEqual(600);
  await eventuallyPasses(
    () => {
      while (waiting.length > 0) endOne();
      expect(running.processed).toHaveLength(1_000);
    },
    { timeoutMs: 180_000, intervalMs: 1 },
  );
});

it('acknowledges many entries with few commands, and each of them', async () => {
  const { controllers } = gate();
  running = await startTransportApp({ url: redis.url, controllers });
  const before = {
    acks: await callsOf(running.redis, 'xack'),
    reads: await callsOf(running.redis, 'xreadgroup'),
  };
  await emit('orders', 5_000, { quick: true });
  await eventuallyPasses(() => expect(running.processed).toHaveLength(5_000));
  await eventuallyPasses(async () => expect(await running.pending()).toEqual([]));

  expect((await callsOf(running.redis, 'xack')) - before.acks).toBeLessThan(1_000);
  expect((await callsOf(running.redis, 'xreadgroup')) - before.reads).toBeLessThan(1_000);
  expect(new Set(running.processed.map(({ entryId }) => entryId)).size).toBe(5_000);
});
