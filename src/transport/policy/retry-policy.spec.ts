import { InvalidOptionError } from '../entry/client-errors.js';
import { DEFAULT_RETRY_POLICY, resolveRetryPolicy, type RetryOptions } from './retry-policy.js';

const resolve = (options: RetryOptions) => resolveRetryPolicy(options, DEFAULT_RETRY_POLICY, 'retry');

describe('resolveRetryPolicy', () => {
  it('leaves open what the options leave open', () => {
    expect(resolve({})).toEqual(DEFAULT_RETRY_POLICY);
    expect(resolve({ maxRetries: 0 })).toEqual({ ...DEFAULT_RETRY_POLICY, maxRetries: 0 });
  });

  const exponential = { type: 'exponential', initialMs: 1, factor: 1, maxMs: 1, jitter: 0 } as const;
  it.each<[string, RetryOptions]>([
    ['retry.maxRetries', { maxRetries: -1 }],
    ['retry.maxRetries', { maxRetries: 1.5 }],
    ['retry.maxRetries', { maxRetries: NaN }],
    ['retry.maxRetries', { maxRetries: 1_000_000 }],
    ['retry.maxRetries', { maxRetries: '3' as unknown as number }],
    ['retry.handlerTimeoutMs', { handlerTimeoutMs: -1 }],
    ['retry.handlerTimeoutMs', { handlerTimeoutMs: 2_147_483_648 }],
    ['retry.backoff.delayMs', { backoff: { type: 'fixed', delayMs: -1 } }],
    ['retry.backoff.delayMs', { backoff: { type: 'fixed', delayMs: NaN } }],
    ['retry.backoff.initialMs', { backoff: { ...exponential, initialMs: -1 } }],
    ['retry.backoff.factor', { backoff: { ...exponential, factor: 0.5 } }],
    ['retry.backoff.maxMs', { backoff: { ...exponential, initialMs: 2 } }],
    ['retry.backoff.maxMs', { backoff: { ...exponential, maxMs: Infinity } }],
    ['retry.backoff.jitter', { backoff: { ...exponential, jitter: 1.1 } }],
  ])('refuses %s: %j', (option, options) => {
    expect(() => resolve(options)).toThrow(InvalidOptionError);
    expect(() => resolve(options)).toThrow(option);
  });
});
