import { ClientsModule, type ClientProxy } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { firstValueFrom } from 'rxjs';
import {
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  RequestResponseUnsupportedError,
  UnencodableEventError,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { recordingController } from '../../support/recording-controller.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

const { controllers, received } = recordingController();
let running: TransportApp;
let flatClient: RedisStreamsClient;
beforeAll(async () => {
  running = await startTransportApp({ controllers });
  flatClient = new RedisStreamsClient({
    connection: { url: sharedRedisUrl() },
    streams: { orders: running.stream },
    encoding: 'fields',
  });
});
afterAll(async () => {
  await flatClient.close();
  await running.close();
});

const arrivalOf = (id: string) =>
  eventually(() => received.find(({ context }) => context.getEntryId() === id));
const fieldsOf = async (id: string) => (await running.redis.xrange(running.stream, id, id))[0]?.[1];

describe('emit', () => {
  it('writes JSON in one field, and gives the id of the entry', async () => {
    const order = { orderId: '42', items: [{ sku: 'a', quantity: 2 }], note: 'zażółć 😀' };
    const id = await firstValueFrom(running.client.emit<string>('orders', order));

    expect(id).toMatch(/^\d+-\d+$/);
    expect(await fieldsOf(id)).toEqual(['data', JSON.stringify(order), 'retry', '0']);
    const { payload, context } = await arrivalOf(id);
    expect(payload).toEqual(order);
    expect([context.getStream(), context.getPattern(), context.getGroup()]).toEqual([
      running.stream,
      'orders',
      running.group,
    ]);
    expect([context.getDeliveryCount(), context.getRetry(), context.getSignal().aborted]).toEqual([
      1,
      0,
      false,
    ]);
  });

  it('writes flat fields when asked to', async () => {
    const id = await firstValueFrom(
      flatClient.emit<string>('orders', { orderId: '42', amount: 9.5, gift: true }),
    );

    expect(await fieldsOf(id)).toEqual(['orderId', '42', 'amount', '9.5', 'gift', 'true', 'retry', '0']);
    expect({ ...((await arrivalOf(id)).payload as object) }).toEqual({
      orderId: '42',
      amount: '9.5',
      gift: 'true',
    });
  });

  it('carries headers and what a dispatch hook put into the metadata; headers win', async () => {
    const client = new RedisStreamsClient({
      connection: { url: sharedRedisUrl() },
      streams: { orders: running.stream },
    });
    client.setOnDispatchHook((packet) => {
      packet.metadata = { traceparent: '00-1', tenant: 'from the hook' };
    });
    const record = new RedisStreamsRecordBuilder({})
      .setHeaders({ 'correlation-id': 'c', tenant: 'a' })
      .build();
    const id = await firstValueFrom(client.emit<string>('orders', record));
    await client.close();

    const { context } = await arrivalOf(id);
    expect({ ...context.getHeaders() }).toEqual({ traceparent: '00-1', 'correlation-id': 'c', tenant: 'a' });
    expect({ ...context.getMetadata() }).toEqual({ ...context.getHeaders() });
  });

  it('completes after the one id', async () => {
    const values: unknown[] = [];
    await running.client.emit('orders', {}).forEach((value) => values.push(value));
    expect(values).toEqual([expect.stringMatching(/^\d+-\d+$/)]);
  });

  it('sends without anybody listening to the result', async () => {
    running.client.emit('orders', { orderId: 'hot' });
    await eventually(() =>
      received.find(({ payload }) => (payload as { orderId?: string }).orderId === 'hot'),
    );
  });

  it('fails, and writes nothing, when the payload has no form on the wire', async () => {
    const length = await running.redis.xlen(running.stream);
    const attempt = firstValueFrom(flatClient.emit('orders', { items: [] }));
    await expect(attempt).rejects.toBeInstanceOf(UnencodableEventError);
    expect(await running.redis.xlen(running.stream)).toBe(length);
  });
});

it('send fails at once', async () => {
  const client: ClientProxy = running.client;
  const attempt = firstValueFrom(client.send('orders', {}));
  await expect(attempt).rejects.toBeInstanceOf(RequestResponseUnsupportedError);
});

it('a plain XADD is an order, its fields being the payload', async () => {
  const fields = ['orderId', '42', 'retry', '2', '__proto__', 'x'];
  const id = (await running.redis.xadd(running.stream, '*', ...fields)) ?? '';

  const { payload, context } = await arrivalOf(id);
  expect(Object.entries(payload as object)).toEqual([
    ['orderId', '42'],
    ['__proto__', 'x'],
  ]);
  expect([context.getDeliveryCount(), context.getRetry()]).toEqual([1, 2]);
  await eventuallyPasses(async () => expect(await running.pending()).toEqual([]));
});

it('an app gets its client from ClientsModule', async () => {
  const options = { connection: { url: sharedRedisUrl() }, streams: { orders: running.stream } };
  const module = await Test.createTestingModule({
    imports: [ClientsModule.register([{ name: 'ORDERS', customClass: RedisStreamsClient, options }])],
  }).compile();
  const client = module.get<RedisStreamsClient>('ORDERS');
  await arrivalOf(await firstValueFrom(client.emit<string>('orders', { orderId: '7' })));
  await module.close();

  expect(client.helperKey('orders', 'order', '7')).toBe(`{${running.stream}}:order:7`);
});
