import type { Redis } from 'ioredis';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type StartedServer } from '../../support/started-server.js';

/** How long the breaker is open: much longer than all delays of the backoff together, in milliseconds. */
const OPEN_MS = 3_000;
const ORDERS = 1_000;
const WAVES = 20;

let redis: Redis;
let running: StartedServer;
beforeAll(() => {
  redis = openRedis(sharedRedisUrl());
});
afterEach(() => running.close());
afterAll(() => redis.disconnect());

it('an open breaker costs no entry an attempt, calls each handler once until it closes, and all are handled then', async () => {
  const closesAt = Date.now() + OPEN_MS;
  const refused = new Map<string, number>();
  const handled = new Map<string, number>();
  const note = (counts: Map<string, number>, id: string) => counts.set(id, (counts.get(id) ?? 0) + 1);
  running = await startServer({
    retry: { maxRetries: 1 },
    handler: (_order, context) => {
      const retryAfterMs = closesAt - Date.now();
      if (retryAfterMs > 0) {
        note(refused, context.getEntryId());
        throw Object.assign(new Error('The breaker is open'), { code: 'CIRCUIT_OPEN', retryAfterMs });
      }
      note(handled, context.getEntryId());
      expect([context.getRetry(), context.getDeliveryCount()]).toEqual([0, 1]);
    },
  });
  const { told, stream } = running;
  const orders = numbered(ORDERS);
  for (let wave = 0; wave < WAVES; wave += 1) {
    const size = ORDERS / WAVES;
    await addOrders(redis, stream, orders.slice(wave * size, (wave + 1) * size));
  }

  await eventually(() => (handled.size === ORDERS ? true : undefined));
  await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
  expect(await deadLetters(redis, stream)).toEqual([]);
  expect(told['retry-scheduled']).toEqual([]);
  expect(new Set(handled.values())).toEqual(new Set([1]));
  expect(refused.size).toBeGreaterThan(0);
  expect(new Set(refused.values())).toEqual(new Set([1]));
  expect(new Set(told['put-off'].map(({ reason }) => reason))).toEqual(new Set(['dependency']));
});

it('a breaker that never closes charges attempts once its entry was put off for as long as it may be', async () => {
  running = await startServer({
    retry: { maxRetries: 1 },
    options: { maxPutOffMs: 500 },
    handler: () => {
      throw Object.assign(new Error('The breaker is open'), { code: 'CIRCUIT_OPEN', retryAfter: 86_400 });
    },
  });
  await addOrders(redis, running.stream, ['42']);
  await eventually(() => running.told['dead-lettered'][0]);
  const [letter] = await deadLetters(redis, running.stream);
  expect(letter?.fields).toMatchObject({
    'dlt-reason': 'retries-exhausted',
    'dlt-delivery-count': '2',
    'dlt-exception-stacktrace': expect.stringContaining('"code":"CIRCUIT_OPEN"') as string,
  });
  expect(running.told['put-off'].map(({ delayMs }) => delayMs)).toEqual([500]);
});
