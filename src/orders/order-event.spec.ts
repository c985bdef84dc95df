import { describeError, orderIdIn } from './order-event.js';

describe('orderIdIn', () => {
  it.each([
    [{ orderId: '42' }, '42'],
    [Object.assign(Object.create(null) as object, { orderId: 'flat', admin: 'yes' }), 'flat'],
    [JSON.parse('{"orderId":"42","__proto__":{"orderId":"other"}}'), '42'],
    [{ orderId: 'a b' }, undefined],
    [{ orderId: 42 }, undefined],
    [{ orderId: ['42'] }, undefined],
    [{ orderId: '{orders}:order:42\n' }, undefined],
    [{}, undefined],
    [['42'], undefined],
    ['42', undefined],
    [null, undefined],
    [undefined, undefined],
  ])('of %j is %j', (payload: unknown, orderId) => {
    expect(orderIdIn(payload)).toBe(orderId);
  });
});

describe('describeError', () => {
  it.each([
    [new RangeError('too far'), { error: 'RangeError', reason: 'too far' }],
    ['text', { error: 'string', reason: 'text' }],
    [undefined, { error: 'undefined', reason: 'undefined' }],
    [Object.create(null), { error: 'object', reason: '[Object: null prototype] {}' }],
    [{ code: 7 }, { error: 'object', reason: '{ code: 7 }' }],
  ])('takes whatever was thrown: %#', (thrown: unknown, described) => {
    expect(describeError(thrown)).toEqual(described);
  });
});
