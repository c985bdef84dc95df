import type { Redis } from 'ioredis';
import { HandlerTimeoutError } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type StartedServer } from '../../support/started-server.js';

describe('A handler that hangs', () => {
  let redis: Redis;
  let running: StartedServer;
  beforeAll(() => {
    redis = openRedis(sharedRedisUrl());
  });
  afterEach(() => running.close());
  afterAll(() => redis.disconnect());

  it('is told to stop, counts as failed, and its entry is dead-lettered in the end', async () => {
    const reasons: unknown[] = [];
    running = await startServer({
      retry: { handlerTimeoutMs: 60 },
      handler: (_, context) => {
        const signal = context.getSignal();
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return new Promise(() => undefined);
      },
    });
    await addOrders(redis, running.stream, ['hangs']);
    await eventually(() => running.told['dead-lettered'][0]);
    expect(running.told.received).toHaveLength(3);
    expect(reasons).toHaveLength(3);
    expect(reasons.every((reason) => reason instanceof HandlerTimeoutError)).toBe(true);
    expect((await deadLetters(redis, running.stream))[0]?.fields).toMatchObject({
      'dlt-reason': 'retries-exhausted',
      'dlt-exception-name': 'HandlerTimeoutError',
    });
    expect(await pendingRows(redis, running.stream)).toEqual([]);
  });

  it('gives its slot back, so that others are handled', async () => {
    running = await startServer({
      retry: { handlerTimeoutMs: 60, maxRetries: 0 },
      options: { maxInFlight: 1 },
      handler: ({ orderId }) => (orderId === 'hangs' ? new Promise(() => undefined) : undefined),
    });
    await addOrders(redis, running.stream, ['hangs', 'a', 'b']);
    await eventually(() => (running.told.processed.length === 2 ? true : undefined));
  });

  it('has no say any more when it ends late', async () => {
    const late: (() => void)[] = [];
    running = await startServer({
      retry: { handlerTimeoutMs: 60 },
      handler: (_, context) =>
        context.getDeliveryCount() === 1 ? new Promise<void>((resolve) => late.push(resolve)) : undefined,
    });
    await addOrders(redis, running.stream, ['slow']);
    await eventually(() => running.told.processed[0]);
    late[0]?.();
    await eventuallyPasses(async () => expect(await pendingRows(redis, running.stream)).toEqual([]));
    expect(running.told.processed).toMatchObject([{ deliveryCount: 2 }]);
    expect(running.told.failed).toHaveLength(1);
  });

  it('shows in the health of the process once too many of them go on', async () => {
    running = await startServer({
      retry: { handlerTimeoutMs: 40, maxRetries: 0 },
      options: { maxInFlight: 2 },
      handler: () => new Promise(() => undefined),
    });
    await addOrders(redis, running.stream, ['a', 'b']);
    await eventually(() => (running.told['dead-lettered'].length === 2 ? true : undefined));
    expect(running.server.isExhausted).toBe(false);
    await addOrders(redis, running.stream, ['c']);
    await eventually(() => (running.server.isExhausted ? true : undefined));
  });
});
