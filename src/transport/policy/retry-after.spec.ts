import { HttpException, ServiceUnavailableException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import fc from 'fast-check';
import { DependencyUnavailableError, NonRetryableError } from '../entry/errors.js';
import { classifyError } from './classify-error.js';
import { decide } from './decide.js';
import { NOT_PUT_OFF, type PutOffs } from './put-off.js';
import { DEFAULT_RETRY_POLICY } from './retry-policy.js';
import { retryAfterOf } from './retry-after.js';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LIMITS = { maxRetryDelayMs: DAY, maxPutOffMs: DAY };

const inTwoMinutes = new Date(NOW + 120_000).toUTCString();
const error = (properties: object) => Object.assign(new Error('x'), properties);
const axios = (status: number, headers: object, data?: unknown) =>
  error({ response: { status, headers, data } });

/** How long an entry is put off for that failed so for the first time. */
function delayOf(thrown: unknown, putOffs: PutOffs = NOT_PUT_OFF, limits = LIMITS): number | undefined {
  const failure = {
    ...{ entryId: '1-1', retry: 0, error: thrown, atMs: NOW, durationMs: 0, fromDeadLetters: false, putOffs },
  };
  const ending = decide(failure, DEFAULT_RETRY_POLICY, limits);
  return ending.action === 'defer' ? ending.delayMs : undefined;
}

describe('What lets nobody in for now', () => {
  it.each<[string, unknown]>([
    ...['CIRCUIT_OPEN', 'BULKHEAD_FULL', 'RATE_LIMITED', 'IDEMPOTENCY_KEY_IN_USE'].flatMap((code) => [
      [`an error: ${code}`, error({ code })] as [string, unknown],
      [`an RpcException: ${code}`, new RpcException({ code })] as [string, unknown],
      [`an HttpException: ${code}`, new HttpException({ code }, 409)] as [string, unknown],
      [`the body of a response: ${code}`, axios(409, {}, { code })] as [string, unknown],
    ]),
    ['503', new ServiceUnavailableException()],
    ['429', new HttpException('slowly', 429)],
    ['a status', error({ statusCode: 503 })],
    ['the status of a response', axios(429, {})],
    ['the response itself', new Response('', { status: 503 })],
    ['a cause', new Error('outer', { cause: error({ code: 'CIRCUIT_OPEN' }) })],
    ['an RpcException of an exception', new RpcException(new ServiceUnavailableException())],
  ])('is not the failure of an entry, also where it does not say for how long: %s', (_, thrown) => {
    expect(classifyError(thrown)).toBe('put-off');
    const ordinary = delayOf(new DependencyUnavailableError('x')) ?? NaN;
    expect(delayOf(thrown)).toBe(ordinary);
  });

  it.each<[string, unknown]>([
    ['another code', error({ code: 'STOCK_GONE', retryAfter: 30 })],
    ['another status', axios(500, { 'retry-after': '30' })],
    ['a name', error({ name: 'CIRCUIT_OPEN' })],
  ])('is nothing else: %s', (_, thrown) => {
    expect(classifyError(thrown)).toBe('retry');
  });

  it('is final where the handler says so, and what the classifier says', () => {
    expect(classifyError(new NonRetryableError('x', { cause: error({ code: 'CIRCUIT_OPEN' }) }))).toBe(
      'final',
    );
    expect(classifyError(error({ code: 'CIRCUIT_OPEN' }), () => 'retry')).toBe('retry');
  });

  it.each<[string, unknown]>([
    ['seconds', error({ code: 'CIRCUIT_OPEN', retryAfter: 120 })],
    ['seconds as text', error({ code: 'CIRCUIT_OPEN', retryAfter: ' 120 ' })],
    ['milliseconds', error({ code: 'CIRCUIT_OPEN', retryAfterMs: 120_000 })],
    ['a date', error({ code: 'RATE_LIMITED', retryAfter: new Date(NOW + 120_000) })],
    ['a date as text', error({ code: 'RATE_LIMITED', retryAfter: new Date(NOW + 120_000).toISOString() })],
    ['an RpcException', new RpcException({ code: 'CIRCUIT_OPEN', retryAfter: 120 })],
    ['an HttpException', new HttpException({ retryAfterMs: 120_000 }, 503)],
    ['a header of seconds', axios(503, { 'Retry-After': '120' })],
    ['a header of a date', axios(429, { 'retry-after': inTwoMinutes })],
    ['a header that came twice', axios(429, { 'retry-after': ['120', '7'] })],
    [
      'headers of fetch',
      error({ response: new Response('', { status: 429, headers: { 'Retry-After': '120' } }) }),
    ],
    ['the response itself', new Response('', { status: 503, headers: { 'Retry-After': inTwoMinutes } })],
    ['the body of a response', axios(429, {}, { retryAfter: 120 })],
    ['a cause', new Error('outer', { cause: error({ code: 'CIRCUIT_OPEN', retryAfter: 120 }) })],
    ['a declared dependency', Object.assign(new DependencyUnavailableError('x'), { retryAfter: 120 })],
  ])('is let alone for as long as it says, and hardly longer: %s', (_, thrown) => {
    expect(delayOf(thrown)).toBeGreaterThanOrEqual(120_000);
    expect(delayOf(thrown)).toBeLessThanOrEqual(120_500);
  });

  it.each<unknown>([
    ...[
      -1,
      0,
      NaN,
      Infinity,
      -Infinity,
      '',
      'soon',
      'soon 2099',
      '-5',
      '1e3',
      '0x10',
      {},
      [],
      null,
      true,
      17n,
      Symbol('1'),
    ],
    ...[
      new Date(NaN),
      new Date(NOW - 1),
      new Date(NOW - DAY).toUTCString(),
      '9'.repeat(1_000_000),
      '1'.repeat(400),
    ],
  ])('is let alone for the usual time where it says nonsense: %p', (retryAfter) => {
    const usual = delayOf(error({ code: 'RATE_LIMITED' }));
    expect(delayOf(error({ code: 'RATE_LIMITED', retryAfter }))).toBe(usual);
    expect(delayOf(axios(429, { 'retry-after': retryAfter }))).toBe(usual);
  });

  it.each<unknown>([1e300, Number.MAX_VALUE / 1_000, '999999999999999', 'Fri, 31 Dec 9999 23:59:59 GMT'])(
    'keeps no entry for longer than it may be put off: %p',
    (retryAfter) => {
      const thrown = error({ code: 'CIRCUIT_OPEN', retryAfter });
      expect(delayOf(thrown)).toBe(DAY);
      expect(delayOf(thrown, NOT_PUT_OFF, { maxRetryDelayMs: HOUR, maxPutOffMs: DAY })).toBe(HOUR);
      expect(delayOf(thrown, { times: 3, forMs: DAY - 5_000 })).toBe(5_000);
      expect(delayOf(thrown, { times: 3, forMs: DAY })).toBeUndefined();
    },
  );

  it('lets entries that were told the same time back one after the other', () => {
    const delays = Array.from({ length: 100 }, (_, n) => {
      const failure = { entryId: `1-${n}`, retry: 0, error: error({ code: 'RATE_LIMITED', retryAfter: 60 }) };
      const ending = decide(
        { ...failure, atMs: NOW, durationMs: 0, fromDeadLetters: false },
        DEFAULT_RETRY_POLICY,
        LIMITS,
      );
      return ending.action === 'defer' ? Math.round(ending.delayMs) : NaN;
    });
    expect(new Set(delays).size).toBeGreaterThan(50);
  });

  it('is a time or none, whatever it says', () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true });
    const names = fc.constantFrom('retryAfter', 'retryAfterMs', 'headers', 'response', 'code', 'status');
    fc.assert(
      fc.property(fc.dictionary(names, anything), (properties) => {
        const ms = retryAfterOf([error(properties)], NOW);
        expect(ms === undefined || (ms > 0 && ms < Infinity)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
