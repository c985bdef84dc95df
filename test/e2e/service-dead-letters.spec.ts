import { Redis } from 'ioredis';
import type { OrderView } from '../../src/orders/order-state.js';
import { eventually } from '../support/eventually.js';
import { get, post } from '../support/http.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

interface DeadLetter {
  id: string;
  fields: Record<string, string>;
}

describe('an order that cannot be processed', () => {
  const stream = uniqueName('orders');
  let redis: Redis;
  let service: Service;

  beforeAll(async () => {
    redis = new Redis(sharedRedisUrl());
    service = await startService({
      REDIS_URL: sharedRedisUrl(),
      STREAM_KEY: stream,
      GROUP_NAME: 'order-group',
      FAIL_ORDER_PREFIX: 'fail-',
      BACKOFF_INITIAL_MS: '300',
      BACKOFF_FACTOR: '1',
      BACKOFF_JITTER: '0',
      RECOVERY_INTERVAL_MS: '50',
    });
  });

  afterAll(async () => {
    await endServices();
    redis.disconnect();
  });

  const add = async (...fields: (string | Buffer)[]) =>
    String(await redis.call('XADD', stream, '*', ...fields));

  const find = async (orderId: string) => (await get<OrderView>(`${service.url}/orders/${orderId}`)).body;

  const deadLetters = async (): Promise<DeadLetter[]> => {
    const entries = (await redis.xrangeBuffer(`${stream}.DLT`, '-', '+')) as unknown as [Buffer, Buffer[]][];
    return entries.map(([id, parts]) => {
      const texts = parts.map((part) => part.toString('latin1'));
      const pairs = texts.flatMap((name, i) => (i % 2 === 0 ? [[name, texts[i + 1] ?? '']] : []));
      return { id: id.toString(), fields: Object.fromEntries(pairs) as Record<string, string> };
    });
  };

  const deadLetterOf = (entryId: string) =>
    eventually(async () => (await deadLetters()).find(({ fields }) => fields['dlt-original-id'] === entryId));

  const logged = (message: string, entryId: string) =>
    service.records.filter((record) => record.message === message && record.entryId === entryId);

  it('is delivered three times and then dead-lettered with its diagnosis', async () => {
    const placed = await post<{ entryId: string }>(
      `${service.url}/orders`,
      { orderId: 'fail-1' },
      { 'correlation-id': 'checkout-9' },
    );
    const { entryId } = placed.body;
    const waiting = await eventually(async () => {
      const order = await find('fail-1');
      return order.state === 'retrying' ? order : undefined;
    });
    expect(waiting).toMatchObject({
      entryId,
      attempts: 1,
      lastError: expect.stringContaining('on purpose') as string,
    });
    expect(waiting).not.toHaveProperty('deadLetterId');

    const { id, fields } = await deadLetterOf(entryId);
    expect(fields).toEqual({
      data: '{"orderId":"fail-1"}',
      'correlation-id': 'checkout-9',
      'idempotency-key': 'order:fail-1',
      retry: '2',
      'dlt-original-field-retry': '0',
      'dlt-reason': 'retries-exhausted',
      'dlt-original-stream': stream,
      'dlt-original-id': entryId,
      'dlt-original-timestamp': entryId.split('-')[0],
      'dlt-original-consumer-group': 'order-group',
      'dlt-original-consumer': expect.stringMatching(/^.+-[0-9a-f]{8}$/) as string,
      'dlt-delivery-count': '3',
      'dlt-exception-name': 'DemonstrationFailure',
      'dlt-exception-message': 'Order ids that begin with "fail-" fail on purpose',
      'dlt-exception-stacktrace': expect.stringMatching(/DemonstrationFailure.*\n +at /) as string,
      'dlt-exception-cause': '',
      'dlt-failed-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      'dlt-replays': '0',
    });
    expect(await redis.xpending(stream, 'order-group')).toEqual([0, null, null, null]);
    expect(await find('fail-1')).toEqual({
      orderId: 'fail-1',
      state: 'dead-lettered',
      attempts: 3,
      entryId,
      deadLetterId: id,
      lastError: 'DemonstrationFailure: Order ids that begin with "fail-" fail on purpose',
      acceptedAt: expect.any(String) as string,
      updatedAt: expect.any(String) as string,
    });
  });

  it('can be followed through the log to its dead letter', async () => {
    const placed = await post<{ entryId: string }>(`${service.url}/orders`, { orderId: 'fail-2' });
    const { entryId } = placed.body;
    const { id } = await deadLetterOf(entryId);
    await eventually(() => logged('Order dead-lettered', entryId)[0]);
    const trail = service.records
      .filter(({ orderId, message }) => orderId === 'fail-2' && message !== 'Order sent')
      .map(({ message, retry }) => `${message} ${String(retry)}`);
    expect(trail).toEqual([
      ...['Order received 0', 'Order failed 0', 'Order retry scheduled 0'],
      ...['Order received 1', 'Order failed 1', 'Order retry scheduled 1'],
      ...['Order received 2', 'Order failed 2', 'Order dead-lettered 2'],
    ]);
    expect(logged('Order sent', entryId)).toHaveLength(1);
    expect(logged('Order retry scheduled', entryId)[0]).toMatchObject({ nextRetry: 1, delayMs: 300 });
    expect(logged('Order dead-lettered', entryId)[0]).toMatchObject({
      deadLetterId: id,
      deadLetterReason: 'retries-exhausted',
      error: 'DemonstrationFailure',
      level: 'error',
    });
  });

  it.each([
    ['no order id', ['amount', '12'], 'not-retryable'],
    ['an unknown property', ['orderId', 'unknown-property', 'admin', 'yes'], 'not-retryable'],
    ['a bad value in JSON', ['data', '{"orderId":"bad-amount","amount":-1}'], 'not-retryable'],
    ['malformed JSON', ['data', '{"orderId":"42"'], 'malformed'],
    ['JSON that is no object', ['data', '["42"]'], 'not-retryable'],
    ['JSON null', ['data', 'null'], 'not-retryable'],
    ['a retry that is no number', ['orderId', 'bad-retry', 'retry', 'abc'], 'malformed'],
    ['bytes that are no UTF-8', ['data', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])], 'malformed'],
  ])('for %s is dead-lettered at once, byte for byte', async (_, sent, reason) => {
    const entryId = await add(...sent);
    const { fields } = await deadLetterOf(entryId);
    for (let i = 0; i < sent.length; i += 2) {
      const [name, value] = [String(sent[i]), sent[i + 1] ?? ''];
      const kept = name === 'retry' ? 'dlt-original-field-retry' : name;
      expect(fields[kept]).toBe(Buffer.isBuffer(value) ? value.toString('latin1') : value);
    }
    expect(fields).toMatchObject({ 'dlt-reason': reason, 'dlt-delivery-count': '1' });
    expect(await redis.xpending(stream, 'order-group', entryId, entryId, 1)).toEqual([]);
  });

  it('keeps fields with the names of inherited ones', async () => {
    const entryId = await add('orderId', 'fail-proto', '__proto__', 'x', 'constructor', 'y');
    const { fields } = await deadLetterOf(entryId);
    expect(Object.entries(fields)).toContainEqual(['__proto__', 'x']);
    expect(fields.constructor).toBe('y');
    expect(await find('fail-proto')).toMatchObject({ state: 'dead-lettered', attempts: 3 });
  });

  it.each([['unknown-property'], ['bad-amount']])(
    'is no order if it is not valid, and does not stand in the way of one with its id: %s',
    async (orderId) => {
      expect((await get(`${service.url}/orders/${orderId}`)).status).toBe(404);
      const { entryId } = (await post<{ entryId: string }>(`${service.url}/orders`, { orderId })).body;
      const order = await eventually(async () => {
        const found = await find(orderId);
        return found.state === 'processed' ? found : undefined;
      });
      expect(order).toMatchObject({ entryId, attempts: 1 });
    },
  );

  it('does not end an order that was processed before under the same id', async () => {
    const first = await post<{ entryId: string }>(`${service.url}/orders`, { orderId: 'good' });
    await eventually(async () => ((await find('good')).state === 'processed' ? true : undefined));
    await deadLetterOf(await add('orderId', 'good', 'admin', 'yes'));
    const order = await find('good');
    expect(order).toMatchObject({ state: 'processed', attempts: 1, entryId: first.body.entryId });
    expect(order).not.toHaveProperty('deadLetterId');
  });

  it('is dead-lettered even where its record cannot be written', async () => {
    await redis.set(`{${stream}}:order:fail-no-record`, 'not a hash');
    const { fields } = await deadLetterOf(await add('orderId', 'fail-no-record'));
    expect(fields['dlt-reason']).toBe('retries-exhausted');
  });
});
