import { IdempotencyKeyError } from '../entry/errors.js';
import { keptKey, keyOf, type IdempotencyKey } from './idempotency-key.js';

const find = (found: unknown): string => keyOf('orders', (() => found) as IdempotencyKey, {});

describe('keyOf', () => {
  it.each([
    ['order-1', 'order-1'],
    [42, '42'],
    [0, '0'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [9_007_199_254_740_993n, '9007199254740993'],
    ['a'.repeat(512), 'a'.repeat(512)],
  ])('takes %p', (found, key) => {
    expect(find(found)).toBe(key);
  });

  it('is given the payload', () => {
    const key = keyOf('orders', (payload) => (payload as { id: string }).id, { id: '7' });
    expect(key).toBe('7');
  });

  it.each([
    [undefined, 'gave undefined'],
    [null, 'gave null'],
    ['', 'empty string'],
    [Number.NaN, 'gave NaN'],
    [Number.POSITIVE_INFINITY, 'gave Infinity'],
    [2 ** 53, 'a number beyond 2^53 - 1'],
    [-(2 ** 53), 'a number beyond 2^53 - 1'],
    [{}, 'gave object'],
    [true, 'gave boolean'],
    [Promise.resolve('1'), 'gave a promise'],
    ['a'.repeat(513), '513 characters, more than 512'],
    ['a\ud800', 'half a surrogate pair'],
  ])('refuses %p', (found, problem) => {
    expect(() => find(found)).toThrow(IdempotencyKeyError);
    expect(() => find(found)).toThrow(`No idempotency key for the handler "orders"`);
    expect(() => find(found)).toThrow(problem);
  });

  it('tells what the key function threw', () => {
    const broken = (): string => {
      throw new TypeError('no order');
    };
    expect(() => keyOf('orders', broken, {})).toThrow('the key function threw TypeError: no order');
  });
});

describe('keptKey', () => {
  it('keeps a short key as it is', () => {
    expect(keptKey('order:1')).toBe('=order:1');
  });

  it.each(['a'.repeat(129), 'a\0b'])('keeps a long one, or one with a NUL, as its hash', (key) => {
    expect(keptKey(key)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('takes no key for the hash of another', () => {
    const hashed = keptKey('a'.repeat(129));
    expect(keptKey(hashed)).toBe(`=${hashed}`);
  });
});
