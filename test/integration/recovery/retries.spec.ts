import type { Redis } from 'ioredis';
import {
  DependencyUnavailableError,
  NonRetryableError,
  RetryLaterError,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';

class CardDeclinedError extends Error {}

const fails = (): never => {
  throw new CardDeclinedError('declined', { cause: new TypeError('no card') });
};

describe('A handler that fails', () => {
  let redis: Redis;
  let running: StartedServer;
  beforeAll(() => {
    redis = openRedis(sharedRedisUrl());
  });
  afterEach(() => running.close());
  afterAll(() => redis.disconnect());

  /** Sends one order and resolves when it is in the dead-letter stream. */
  async function untilDeadLettered(setup: ServerSetup) {
    running = await startServer(setup);
    const [id = ''] = await addOrders(redis, running.stream, ['42']);
    const told = await eventually(() => running.told['dead-lettered'][0]);
    return { id, told, deliveries: running.told.received };
  }

  it('gets its entry again in place, and one dead letter with the diagnosis', async () => {
    const { id, deliveries } = await untilDeadLettered({ handler: fails });
    expect(deliveries.map(({ entryId, deliveryCount, retry }) => [entryId, deliveryCount, retry])).toEqual([
      [id, 1, 0],
      [id, 2, 1],
      [id, 3, 2],
    ]);
    expect(await pendingRows(redis, running.stream)).toEqual([]);
    expect(await redis.xlen(running.stream)).toBe(1);
    const letters = await deadLetters(redis, running.stream);
    expect(letters).toMatchObject([
      {
        fields: {
          orderId: '42',
          retry: '2',
          'dlt-original-field-retry': '0',
          'dlt-reason': 'retries-exhausted',
          'dlt-original-stream': running.stream,
          'dlt-original-id': id,
          'dlt-original-timestamp': id.split('-')[0],
          'dlt-original-consumer-group': 'test-group',
          'dlt-delivery-count': '3',
          'dlt-exception-name': 'CardDeclinedError',
          'dlt-exception-message': 'declined',
          'dlt-exception-cause': 'TypeError: no card',
          'dlt-replays': '0',
        },
      },
    ]);
    expect(letters[0]?.fields['dlt-exception-stacktrace']).toContain('retries.spec');
    expect(Date.parse(letters[0]?.fields['dlt-failed-at'] ?? '')).toBeGreaterThan(Date.now() - 60_000);
  });

  it('has its entry put off uncharged while what it needs is away, and all its attempts afterwards', async () => {
    let calls = 0;
    const { deliveries } = await untilDeadLettered({
      retry: { maxRetries: 1 },
      handler: () => {
        calls += 1;
        if (calls <= 4) throw new DependencyUnavailableError('the stock is not answering');
        fails();
      },
    });
    expect(deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 1, 1, 1, 2]);
    const name = 'DependencyUnavailableError';
    expect(running.told['put-off']).toMatchObject(
      [1, 2, 3, 4].map((times) => ({ times, reason: 'dependency', error: { name } })),
    );
    const delays = running.told['put-off'].map(({ delayMs }) => delayMs);
    expect(delays).toEqual([...delays].sort((a, b) => a - b));
    expect(running.told['retry-scheduled']).toHaveLength(1);
  });

  it('waits for the backoff, by the clock of Redis', async () => {
    const backoff = { type: 'exponential', initialMs: 80, factor: 2, maxMs: 1_000, jitter: 0 } as const;
    const times: number[] = [];
    await untilDeadLettered({
      options: { retry: { backoff } },
      handler: () => {
        times.push(Date.now());
        fails();
      },
    });
    expect(running.told['retry-scheduled'].map(({ delayMs }) => delayMs)).toEqual([80, 160]);
    const [first = 0, second = 0, third = 0] = times;
    expect(second - first).toBeGreaterThanOrEqual(79);
    expect(third - second).toBeGreaterThanOrEqual(159);
  });

  it('is not given its entry again when the error is final', async () => {
    const handler = (): never => {
      throw new NonRetryableError('never');
    };
    const { told, deliveries } = await untilDeadLettered({ handler });
    expect(told.reason).toBe('not-retryable');
    expect(deliveries).toHaveLength(1);
  });

  it('says itself when it wants the entry again', async () => {
    const handler = (): never => {
      throw new RetryLaterError(130);
    };
    await untilDeadLettered({ handler });
    expect(running.told['retry-scheduled'].map(({ delayMs }) => delayMs)).toEqual([130, 130]);
  });

  it('has a policy of its own', async () => {
    const retry = { maxRetries: 4, backoff: { type: 'fixed', delayMs: 1 } } as const;
    const { deliveries } = await untilDeadLettered({ handler: fails, retry });
    expect(deliveries).toHaveLength(5);
  });

  it('has its errors classified by the user', async () => {
    const classify = (error: unknown) =>
      error instanceof CardDeclinedError ? ('final' as const) : undefined;
    const { told, deliveries } = await untilDeadLettered({ handler: fails, retry: { classify } });
    expect([told.reason, deliveries.length]).toEqual(['not-retryable', 1]);
  });

  it('counts the attempts that the entry came with, and is run once at least', async () => {
    running = await startServer({ handler: fails });
    await redis.xadd(running.stream, '*', 'orderId', '7', 'retry', '999999');
    await eventually(() => running.told['dead-lettered'][0]);
    expect(running.told.received).toMatchObject([{ retry: 999_999, deliveryCount: 1 }]);
    expect((await deadLetters(redis, running.stream))[0]?.fields.retry).toBe('999999');
  });

  it('begins anew when the class of the error changes, where that is asked for', async () => {
    const { deliveries } = await untilDeadLettered({
      handler: (_, context) => {
        throw context.getDeliveryCount() <= 2 ? new TypeError('first') : new RangeError('second');
      },
      retry: { resetOnErrorChange: true },
    });
    expect(deliveries).toHaveLength(5);
  });

  it('never keeps others waiting: entries behind it are handled while it waits', async () => {
    running = await startServer({
      handler: ({ orderId }) => (orderId === 'bad' ? fails() : undefined),
      options: { retry: { backoff: { type: 'fixed', delayMs: 60_000 } }, maxInFlight: 1 },
    });
    const [bad] = await addOrders(redis, running.stream, ['bad', 'a', 'b', 'c']);
    await eventually(() => (running.told.processed.length === 3 ? true : undefined));
    await eventuallyPasses(async () =>
      expect(await pendingRows(redis, running.stream)).toMatchObject([
        { id: bad, owner: '@retry', count: 1 },
      ]),
    );
  });

  describe.each([
    ['a classifier that throws', { classify: fails }],
    ['a backoff that throws', { backoff: fails }],
    ['a backoff that answers no number', { backoff: () => undefined as never }],
    ['a classifier that answers nonsense', { classify: () => 'nonsense' as never }],
  ])('with %s', (_, retry) => {
    it('is retried all the same, and the process lives', async () => {
      const rejections: unknown[] = [];
      const onRejection = (reason: unknown): void => void rejections.push(reason);
      process.on('unhandledRejection', onRejection);
      try {
        await untilDeadLettered({ handler: fails, retry, options: { maxRetryDelayMs: 100 } });
        expect(running.told.received).toHaveLength(3);
        expect(rejections).toEqual([]);
      } finally {
        process.off('unhandledRejection', onRejection);
      }
    });
  });

  it('may throw what is no proper error', async () => {
    const odd = Object.assign(new Error('x'), {
      message: { code: 7 } as unknown as string,
      stack: 5 as never,
    });
    const { told } = await untilDeadLettered({
      handler: () => {
        throw odd;
      },
      options: { retry: { maxRetries: 0 } },
    });
    expect(told.error).toBe(odd);
  });
});
