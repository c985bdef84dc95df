import { jest } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import * as ours from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { recordingController } from '../../support/recording-controller.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

/** The package once more, as where it is installed twice. */
let other: typeof ours;
let running: TransportApp;
let work: () => unknown = () => undefined;
const { controllers, received } = recordingController(() => work());

beforeAll(async () => {
  jest.resetModules();
  other = await import('../../../src/transport/index.js');
  running = await startTransportApp({
    controllers,
    server: { recoveryIntervalMs: 25, retry: { maxRetries: 1, backoff: { type: 'fixed', delayMs: 10 } } },
  });
});
afterAll(() => running.close());
beforeEach(() => {
  work = () => undefined;
});

const emit = (data: unknown) => firstValueFrom(running.client.emit<string>('orders', data));

it('are two', () => {
  expect(other.NonRetryableError).not.toBe(ours.NonRetryableError);
  expect(other.RedisStreamsContext).not.toBe(ours.RedisStreamsContext);
});

it('a record of the other copy is one, with its headers and its writes', async () => {
  const key = running.client.helperKey('orders', 'other');
  const record = new other.RedisStreamsRecordBuilder({ orderId: '1' })
    .setHeaders({ tenant: 'a' })
    .setWrites((writes, entryId) => writes.hset(key, { entryId }))
    .build();
  const id = await emit(record);

  const { payload, context } = await eventually(() =>
    received.find((one) => one.context.getEntryId() === id),
  );
  expect(payload).toEqual({ orderId: '1' });
  expect({ ...context.getHeaders() }).toEqual({ tenant: 'a' });
  expect(context instanceof other.RedisStreamsContext).toBe(true);
  expect(await running.redis.hgetall(key)).toEqual({ entryId: id });
});

it.each<[string, () => Error]>([
  ['NonRetryableError', () => new other.NonRetryableError('never')],
  [
    'class of the application on it',
    () => {
      class NeverError extends other.NonRetryableError {}
      return new NeverError('never');
    },
  ],
])('a %s of the other copy is final', async (_, make) => {
  work = () => {
    throw make();
  };
  const id = await emit({});
  const { reason } = await eventually(() => running.deadLettered.find(({ entryId }) => entryId === id));
  expect(reason).toBe('not-retryable');
});

it.each<[string, () => Error, 'retry-scheduled' | 'put-off', object]>([
  ['RetryLaterError', () => new other.RetryLaterError(123), 'retry-scheduled', { delayMs: 123 }],
  [
    'DependencyUnavailableError',
    () => new other.DependencyUnavailableError('no stock'),
    'put-off',
    { reason: 'dependency' },
  ],
  [
    'RedisUnavailableError',
    () => new other.RedisUnavailableError('x', false),
    'put-off',
    { reason: 'redis' },
  ],
])('a %s of the other copy says when it is tried again', async (_, make, name, expected) => {
  const events: { entryId: string }[] = [];
  running.server.on(name, (event: { entryId: string }) => void events.push(event));
  let isMended = false;
  work = () => {
    if (isMended) return;
    isMended = true;
    throw make();
  };
  const id = await emit({});
  await eventually(() => running.processed.find(({ entryId }) => entryId === id));
  expect(events).toMatchObject([{ entryId: id, ...expected }]);
});

it('handlers name the transport of either copy', () => {
  expect(other.REDIS_STREAMS_TRANSPORT).toBe(ours.REDIS_STREAMS_TRANSPORT);
});

describe('instanceof', () => {
  const theirs = () => new other.IdempotencyKeyError('orders', 'none');

  it('knows an error of the other copy as what it is, and as what it is one of', () => {
    expect(theirs()).toBeInstanceOf(ours.IdempotencyKeyError);
    expect(theirs()).toBeInstanceOf(ours.NonRetryableError);
    expect(theirs()).toBeInstanceOf(ours.OrderStreamsError);
    expect(theirs()).not.toBeInstanceOf(ours.RetryLaterError);
    expect(new other.NonRetryableError('x')).not.toBeInstanceOf(ours.IdempotencyKeyError);
  });

  it('knows a class of the application by its own prototype', () => {
    class OurError extends ours.NonRetryableError {}
    class TheirError extends other.NonRetryableError {}
    expect(new OurError('x')).toBeInstanceOf(OurError);
    expect(new OurError('x')).toBeInstanceOf(other.NonRetryableError);
    expect(new TheirError('x')).not.toBeInstanceOf(OurError);
    expect(new ours.NonRetryableError('x')).not.toBeInstanceOf(OurError);
  });

  it('takes nothing else for one, and does not throw', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [undefined, null, 'text', 1, {}, new Error('x'), proxy, ours.NonRetryableError]) {
      expect(value instanceof ours.NonRetryableError).toBe(false);
    }
  });
});
