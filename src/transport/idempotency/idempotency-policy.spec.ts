import { InvalidOptionError } from '../entry/client-errors.js';
import {
  resolveIdempotencyDefaults,
  resolveIdempotencyPolicy,
  type IdempotencyOptions,
} from './idempotency-policy.js';
import type { IdempotencyStore } from './idempotency-store.js';

const key = (): string => '1';
const DEFAULTS = resolveIdempotencyDefaults({}, 'idempotency');
const resolve = (options: IdempotencyOptions) =>
  resolveIdempotencyPolicy({ key, ...options }, DEFAULTS, 'orders', 'idempotent');

describe('resolveIdempotencyPolicy', () => {
  it('keeps keys in Redis for a day, under the pattern, unless told otherwise', () => {
    expect(resolve({})).toEqual({ key, handler: 'orders', store: 'redis', windowMs: 86_400_000 });
  });

  it('prefers what the handler says to what the server says', () => {
    const store: IdempotencyStore = { run: () => Promise.resolve({ outcome: 'duplicate' }) };
    const defaults = resolveIdempotencyDefaults({ store, windowMs: 1_000 }, 'idempotency');
    const own = { key, store: 'redis', windowMs: 5, name: 'billing' } as const;
    expect(resolveIdempotencyPolicy({ key }, defaults, 'orders', 'x')).toMatchObject({
      store,
      windowMs: 1_000,
    });
    expect(resolveIdempotencyPolicy(own, defaults, 'orders', 'x')).toMatchObject({
      ...{ store: 'redis', windowMs: 5, handler: 'billing' },
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['idempotent.windowMs', { windowMs: 0 }],
    ['idempotent.windowMs', { windowMs: 1.5 }],
    ['idempotent.windowMs', { windowMs: Number.NaN }],
    ['idempotent.windowMs', { windowMs: 315_360_000_001 }],
    ['idempotent.store', { store: 'postgres' }],
    ['idempotent.store', { store: {} }],
    ['idempotent.name', { name: '' }],
    ['idempotent.name', { name: 'a'.repeat(257) }],
    ['idempotent.key', { key: 'orderId' }],
  ])('refuses %s %p', (option, options) => {
    expect(() => resolve(options as IdempotencyOptions)).toThrow(InvalidOptionError);
    expect(() => resolve(options as IdempotencyOptions)).toThrow(`Option "${option}"`);
  });
});
