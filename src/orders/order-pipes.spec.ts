import { BadRequestException, UnsupportedMediaTypeException, type Type } from '@nestjs/common';
import { OrderEventDto } from './dto/order-event.dto.js';
import { PlaceOrderDto } from './dto/place-order.dto.js';
import { InvalidOrderError } from './invalid-order.error.js';
import { OrderBodyPipe, OrderEventPipe } from './order-pipes.js';

const whole = {
  orderId: '42',
  customerId: 'customer-7',
  amount: 12.5,
  currency: 'EUR',
  items: [{ sku: 'SKU-1', quantity: 2 }],
  createdAt: '2026-01-31T12:00:00Z',
};

function as(metatype: Type) {
  return { type: 'body' as const, metatype };
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it was taken');
    },
    (error: unknown) => error,
  );
}

async function violationsOfBody(body: unknown): Promise<string[]> {
  const error = await rejectionOf(new OrderBodyPipe().transform(body, as(PlaceOrderDto)));
  expect(error).toBeInstanceOf(BadRequestException);
  const { message } = (error as BadRequestException).getResponse() as { message: string[] };
  return message;
}

async function violationsOfEvent(payload: unknown): Promise<readonly string[]> {
  const error = await rejectionOf(new OrderEventPipe().transform(payload, as(OrderEventDto)));
  expect(error).toBeInstanceOf(InvalidOrderError);
  return (error as InvalidOrderError).violations;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i += 1) value = { filter: value };
  return value;
}

function flat(fields: Record<string, string>): unknown {
  return Object.assign(Object.create(null) as object, fields);
}

describe('the body of POST /orders', () => {
  const take = (body: unknown) => new OrderBodyPipe().transform(body, as(PlaceOrderDto));

  it('is taken whole', async () => {
    await expect(take(whole)).resolves.toMatchObject(whole);
  });

  it('needs no field at all', async () => {
    await expect(take({})).resolves.toBeInstanceOf(PlaceOrderDto);
  });

  it('may leave fields out by writing null', async () => {
    await expect(take({ orderId: null, amount: null, items: null })).resolves.toBeInstanceOf(PlaceOrderDto);
  });

  it.each([
    ['orderId', ''],
    ['orderId', 'a b'],
    ['orderId', 'x'.repeat(129)],
    ['orderId', 'line\nbreak'],
    ['orderId', '42\n'],
    ['orderId', '\u001b[31m'],
    ['orderId', '４２'],
    ['orderId', 42],
    ['orderId', { $ne: null }],
    ['orderId', ['42']],
    ['customerId', ''],
    ['customerId', 7],
    ['amount', -0.01],
    ['amount', '12.50'],
    ['amount', Number.NaN],
    ['amount', Number.POSITIVE_INFINITY],
    ['currency', 'EURO'],
    ['currency', 'eur'],
    ['currency', 'XXZ'],
    ['items', 'none'],
    ['items', {}],
    ['items', ['SKU-1']],
    ['items', [[]]],
    ['items', [null]],
    ['items', [{ sku: 'SKU-1' }]],
    ['items', [{ sku: 'SKU-1', quantity: 0 }]],
    ['items', [{ sku: 'SKU-1', quantity: 1.5 }]],
    ['items', [{ sku: 'SKU-1', quantity: 1, price: 0 }]],
    ['items', Array.from({ length: 1001 }, () => ({ sku: 'a', quantity: 1 }))],
    ['createdAt', 'yesterday'],
    ['createdAt', '2026-02-30T00:00:00Z'],
    ['createdAt', 1_700_000_000],
    ['retry', '2'],
    ['dlt-reason', 'none'],
  ])('is refused for %s = %j', async (field, value) => {
    const messages = await violationsOfBody({ ...whole, [field]: value });
    expect(messages.join('\n')).toContain(field);
  });

  it('is refused with every violation', async () => {
    const messages = await violationsOfBody({ orderId: '', amount: -1, currency: '?', admin: true });
    for (const field of ['orderId', 'amount', 'currency', 'admin']) {
      expect(messages.some((message) => message.includes(field))).toBe(true);
    }
  });

  it.each([[[]], [[whole]], ['text'], [7], [true]])('is refused when it is %j', async (body) => {
    await expect(violationsOfBody(body)).resolves.not.toHaveLength(0);
  });

  it('is refused when no parser took it', async () => {
    const error = await rejectionOf(Promise.resolve().then(() => take(undefined)));
    expect(error).toBeInstanceOf(UnsupportedMediaTypeException);
  });

  it.each(['filter', 'items'])('is refused when its %s are nested without end', async (field) => {
    await expect(violationsOfBody({ ...whole, [field]: nested(20_000) })).resolves.toEqual([
      'the order must not be nested deeper than 16 levels',
    ]);
  });

  it('loses what has the name of something inherited', async () => {
    const body = { orderId: '42', constructor: { name: 'x' }, toString: 'x', hasOwnProperty: true };
    const order = (await take(body)) as object;
    expect(JSON.parse(JSON.stringify(order))).toEqual({ orderId: '42' });
  });

  it('cannot reach a prototype', async () => {
    const body: unknown = JSON.parse('{"orderId":"42","__proto__":{"polluted":true}}');
    const order = await take(body);
    expect(order).not.toHaveProperty('polluted');
    expect({}).not.toHaveProperty('polluted');
  });
});

describe('an entry of the stream', () => {
  const take = (payload: unknown) => new OrderEventPipe().transform(payload, as(OrderEventDto));

  it('is taken with its JSON payload', async () => {
    await expect(take(whole)).resolves.toMatchObject(whole);
  });

  it('is taken flat, as redis-cli writes it', async () => {
    const order: unknown = await take(flat({ orderId: '42' }));
    expect(order).toBeInstanceOf(OrderEventDto);
    expect(order).toMatchObject({ orderId: '42' });
  });

  it('has its texts converted when it is flat', async () => {
    const items = '[{"sku":"SKU-1","quantity":2}]';
    await expect(
      take(flat({ orderId: '42', amount: '12.50', currency: 'EUR', items })),
    ).resolves.toMatchObject({
      amount: 12.5,
      items: [{ sku: 'SKU-1', quantity: 2 }],
    });
  });

  it.each([
    ['amount', '1e9'],
    ['amount', '-1'],
    ['amount', ''],
    ['amount', ' 1'],
    ['amount', 'NaN'],
    ['amount', 'Infinity'],
    ['amount', '0x10'],
    ['amount', '9'.repeat(400)],
    ['items', 'none'],
    ['items', '{"sku":"SKU-1"}'],
    ['items', '[{"sku":"SKU-1"}]'],
    ['items', '[[]]'],
    ['orderId', ''],
    ['init', 'true'],
    ['__proto__x', 'x'],
  ])('is refused for the flat field %s = %j', async (field, value) => {
    const violations = await violationsOfEvent(flat({ orderId: '42', [field]: value }));
    expect(violations.join('\n')).toContain(field);
  });

  it.each(['filter', 'items'])('is refused when its %s are nested without end', async (field) => {
    await expect(violationsOfEvent({ ...whole, [field]: nested(20_000) })).resolves.toEqual([
      'the order must not be nested deeper than 16 levels',
    ]);
  });

  it.each([[{}], [null], [undefined], ['text'], [7], [[]], [[whole]]])(
    'is refused when it is %j',
    async (payload) => {
      await expect(violationsOfEvent(payload)).resolves.not.toHaveLength(0);
    },
  );

  it('is refused with the place of a violation inside a list', async () => {
    const violations = await violationsOfEvent({
      orderId: '42',
      items: [{ sku: 'a', quantity: 1 }, { sku: 'b' }],
    });
    expect(violations).toContainEqual(expect.stringMatching(/^items\.1\.quantity /));
  });

  it('is refused with a message of bounded length', async () => {
    const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`field-${index}`, 'x']));
    await expect(violationsOfEvent(flat(fields))).resolves.toEqual([
      'the order must not have more than 64 properties',
    ]);
    const few = Object.fromEntries(Object.entries(fields).slice(0, 60));
    const violations = await violationsOfEvent(flat({ orderId: '42', ...few }));
    expect(violations).toHaveLength(21);
    expect(violations.at(-1)).toBe('and 40 more');
  });
});
