import { Redis } from 'ioredis';
import type { OrderView } from '../../src/orders/order-state.js';
import { eventually } from '../support/eventually.js';
import { get, post, type ErrorBody } from '../support/http.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

interface Placed {
  orderId: string;
  entryId: string;
}

describe('orders', () => {
  const stream = uniqueName('orders');
  const group = uniqueName('group');
  let redis: Redis;
  let service: Service;

  beforeAll(async () => {
    redis = new Redis(sharedRedisUrl());
    service = await startService({
      REDIS_URL: sharedRedisUrl(),
      STREAM_KEY: stream,
      GROUP_NAME: group,
    });
  });

  afterAll(async () => {
    await endServices();
    redis.disconnect();
  });

  const place = (body: unknown, headers?: Record<string, string>) =>
    post<Placed & ErrorBody>(`${service.url}/orders`, body, headers);

  const find = (orderId: string) => get<OrderView & ErrorBody>(`${service.url}/orders/${orderId}`);

  const ended = (orderId: string, timeoutMs = 5000) =>
    eventually(
      async () => {
        const { body } = await find(orderId);
        return body.state === 'processed' ? body : undefined;
      },
      { timeoutMs },
    );

  const pending = async () => ((await redis.xpending(stream, group)) as [number])[0];

  const logged = (message: string, orderId: string) =>
    eventually(() =>
      service.records.find((record) => record.message === message && record.orderId === orderId),
    );

  it('are taken in over HTTP and processed within a second', async () => {
    const { status, body } = await place({ orderId: '42', amount: 12.5, currency: 'EUR' });
    expect(status).toBe(202);
    expect(body).toEqual({ orderId: '42', entryId: expect.stringMatching(/^\d+-\d+$/) as string });

    const order = await ended('42', 1000);
    expect(order).toMatchObject({ orderId: '42', state: 'processed', attempts: 1, entryId: body.entryId });
    expect(Date.parse(order.updatedAt)).toBeGreaterThanOrEqual(Date.parse(order.acceptedAt));
    expect(await eventually(async () => ((await pending()) === 0 ? true : undefined))).toBe(true);
  });

  it('get an id when they have none', async () => {
    const { body } = await place({});
    expect(body.orderId).toMatch(/^[0-9a-f-]{36}$/);
    await ended(body.orderId);
  });

  it('are taken from a plain XADD', async () => {
    const entryId = await redis.xadd(stream, '*', 'orderId', 'plain', 'retry', '0');
    const order = await ended('plain', 1000);
    expect(order).toMatchObject({ entryId, attempts: 1 });
    expect(order.acceptedAt).toBe(new Date(Number(entryId?.split('-')[0])).toISOString());
  });

  it('leave nothing pending', async () => {
    await eventually(async () => ((await pending()) === 0 ? true : undefined));
  });

  it('can be followed through the log by their id', async () => {
    const { body, headers } = await place({ orderId: 'followed' }, { 'correlation-id': 'checkout-7' });
    expect(headers.get('correlation-id')).toBe('checkout-7');
    const trace = { orderId: 'followed', entryId: body.entryId, retry: 0, correlationId: 'checkout-7' };
    for (const message of ['Order sent', 'Order received', 'Order processed']) {
      expect(await logged(message, 'followed')).toMatchObject({
        ...trace,
        timestamp: expect.any(String) as string,
      });
    }
  });

  it('are taken in once, even when they are posted twice', async () => {
    const first = await place({ orderId: 'posted-twice', amount: 1 });
    await ended('posted-twice');
    const second = await place({ createdAt: '2026-01-31T12:00:00Z', amount: 1.0, orderId: 'posted-twice' });
    expect(second).toMatchObject({ status: 202, body: first.body });
    const other = await place({ orderId: 'posted-twice', amount: 2 });
    expect(other).toMatchObject({ status: 409, body: { statusCode: 409, error: 'Conflict' } });
    expect(JSON.stringify(other.body)).not.toContain(first.body.entryId);
    expect((await find('posted-twice')).body).toMatchObject({
      state: 'processed',
      entryId: first.body.entryId,
    });
    expect(await redis.hget(`{${stream}}:order:posted-twice`, 'payload')).toContain('"amount":1');
  });

  it('of two callers with the same Idempotency-Key never meet, where callers are told apart', async () => {
    const scoped = await startService({
      ...{ REDIS_URL: sharedRedisUrl(), STREAM_KEY: uniqueName('orders'), GROUP_NAME: group },
      IDEMPOTENCY_SCOPE_HEADER: 'X-Tenant',
    });
    const placeFor = (tenant: string, amount: number) =>
      post<Placed & ErrorBody>(
        `${scoped.url}/orders`,
        { amount },
        { 'idempotency-key': 'shared', ...(tenant !== '' && { 'x-tenant': tenant }) },
      );
    const first = await placeFor('a', 1);
    const second = await placeFor('b', 2);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(second.body.orderId).not.toBe(first.body.orderId);
    expect(await placeFor('a', 1)).toMatchObject({ status: 202, body: first.body });
    expect((await placeFor('a', 2)).status).toBe(422);
    expect(await placeFor('', 1)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('X-Tenant') as string },
    });
    expect((await post(`${scoped.url}/orders`, {})).status).toBe(202);
  });

  it('are taken in once for an Idempotency-Key, which stands for one order', async () => {
    const key = { 'idempotency-key': 'a-request' };
    const first = await place({ amount: 1 }, key);
    expect(await place({ amount: 1 }, key)).toMatchObject({ status: 202, body: first.body });
    const other = await place({ amount: 2 }, key);
    expect(other).toMatchObject({ status: 422, body: { statusCode: 422, error: 'Unprocessable Entity' } });
    expect(other.body.message).toContain('Idempotency-Key');
    expect((await place({ orderId: first.body.orderId, amount: 1 })).body).toEqual(first.body);
    expect((await place({}, { 'idempotency-key': 'a b' })).status).toBe(400);
    await ended(first.body.orderId);
  });

  it('take effect once, even when they come as two entries', async () => {
    const first = await place({ orderId: 'twice', amount: 1 });
    await ended('twice');
    const second = await redis.xadd(stream, '*', 'orderId', 'twice', 'amount', '1', 'retry', '0');
    const duplicate = await logged('Duplicate of an order that has ended', 'twice');
    expect(duplicate).toMatchObject({ entryId: second, firstEntryId: first.body.entryId });
    expect((await find('twice')).body).toMatchObject({ state: 'processed', entryId: first.body.entryId });
    expect(await redis.hget(`{${stream}}:order:twice`, 'payload')).toContain('"amount":1');
  });

  it('are refused with every violation', async () => {
    const { status, body } = await place({
      orderId: 'a b',
      amount: -1,
      items: [{ quantity: 1 }],
      retry: '3',
    });
    expect(status).toBe(400);
    expect(body).toMatchObject({ statusCode: 400, error: 'Bad Request' });
    const messages = (body.message as string[]).join('\n');
    for (const field of ['orderId', 'amount', 'items.0.sku', 'retry']) expect(messages).toContain(field);
  });

  it.each([
    ['no JSON', '{"orderId":', 400],
    ['a list', '[]', 400],
    ['a text', '"42"', 400],
    ['65 KB', JSON.stringify({ customerId: 'x'.repeat(65 * 1024) }), 413],
  ])('are refused when the body is %s', async (_, body, status) => {
    const answer = await place(body);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({
      statusCode: status,
      error: expect.any(String) as string,
      message: expect.anything() as string,
    });
  });

  it('are refused when the body is not sent as JSON', async () => {
    expect((await place('orderId=42', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it.each([['unknown'], ['a%20b'], ['%00'], ['x'.repeat(500)]])(
    'are not found by the id %s',
    async (orderId) => {
      const { status, body } = await find(orderId);
      expect(status).toBe(404);
      expect(body).toMatchObject({ statusCode: 404, error: 'Not Found' });
    },
  );

  it('are described by /docs and /docs-json, from this machine alone', async () => {
    const { body } = await get<{ paths: object }>(`${service.url}/docs-json`);
    expect(Object.keys(body.paths).sort()).toEqual([
      ...['/dead-letters', '/dead-letters/audit', '/dead-letters/replay', '/dead-letters/replay/{job}'],
      ...['/dead-letters/{id}', '/dead-letters/{id}/replay', '/events', '/health/live', '/health/ready'],
      ...['/metrics', '/orders', '/orders/{orderId}', '/streams'],
    ]);
    const page = await (await fetch(`${service.url}/docs`)).text();
    const assets = [...page.matchAll(/(?:src|href)=["']([^"']+)["']/g)].map(([, asset = '']) => asset);
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      expect((await fetch(new URL(asset, `${service.url}/docs`), { method: 'HEAD' })).status).toBe(200);
      expect(asset).not.toMatch(/^(https?:)?\/\//);
    }
  });
});
