import { types } from 'node:util';
import { ask, membersOf, namesOf, read } from '../entry/plain-text.js';
import { errorsWithin } from './errors-within.js';

/** What circuit breakers, bulkheads, rate limits and idempotency keys say while they let nobody in. */
const CODES: ReadonlySet<unknown> = new Set([
  ...['CIRCUIT_OPEN', 'BULKHEAD_FULL', 'RATE_LIMITED', 'IDEMPOTENCY_KEY_IN_USE'],
]);
/** HTTP: too many requests, service unavailable. */
const STATUSES: ReadonlySet<unknown> = new Set([429, 503]);
const HEADER = 'retry-after';
const MOST_HEADERS = 200;
const SECONDS = /^\d{1,15}(\.\d{1,9})?$/;
/** As HTTP writes it, or ISO 8601: for anything else `Date.parse` finds a date too. */
const DATE = /^([A-Z][a-z]{2,8}, .{6,30} GMT|\d{4}-\d\d-\d\dT[\d:.]{5,15}Z)$/;

/** Whether an error says that somebody lets nobody in for now, which says nothing of the entry. */
export function refusesForNow(error: unknown): boolean {
  return partsOf(error).some((part) => {
    const statuses = [ask(part, 'getStatus'), read(part, 'status'), read(part, 'statusCode')];
    return CODES.has(read(part, 'code')) || statuses.some((status) => STATUSES.has(status));
  });
}

/**
 * For how many milliseconds somebody asks to be left alone: `retryAfterMs`, `retryAfter` in seconds, or a `Retry-After`
 * header of seconds or a date.
 *
 * @returns undefined where nothing says so, or what says so is no time that is still to come
 */
export function retryAfterOf(errors: readonly unknown[], nowMs: number): number | undefined {
  for (const error of errorsWithin(errors)) {
    for (const part of partsOf(error)) {
      const said = [
        millisecondsOf(read(part, 'retryAfterMs'), 1, nowMs),
        millisecondsOf(read(part, 'retryAfter'), 1_000, nowMs),
        millisecondsOf(headerOf(read(part, 'headers')), 1_000, nowMs),
      ].find((ms) => ms !== undefined);
      if (said !== undefined) return said;
    }
  }
  return undefined;
}

/** An error, the response that it is about (`axios`, an `HttpException`), and the body of that. */
function partsOf(error: unknown): readonly unknown[] {
  if (typeof error !== 'object' || error === null) return [];
  const response = read(error, 'response');
  return [error, response, read(response, 'data')];
}

function millisecondsOf(said: unknown, unit: number, nowMs: number): number | undefined {
  const [value = said] = membersOf(said, 1);
  const ms = timeOf(value, unit, nowMs);
  return ms > 0 && ms < Infinity ? ms : undefined;
}

/** @returns NaN for what is no time */
function timeOf(value: unknown, unit: number, nowMs: number): number {
  if (typeof value === 'number') return value * unit;
  if (types.isDate(value)) return Date.prototype.getTime.call(value) - nowMs;
  const text = typeof value === 'string' ? value.slice(0, 64).trim() : '';
  if (SECONDS.test(text)) return Number(text) * unit;
  return DATE.test(text) ? Date.parse(text) - nowMs : NaN;
}

/** The header, of what has a `get` as `Headers` of fetch, or of an object whatever the case of its names. */
function headerOf(headers: unknown): unknown {
  const name = namesOf(headers)
    .slice(0, MOST_HEADERS)
    .find((one) => one.toLowerCase() === HEADER);
  return name === undefined ? ask(headers, 'get', HEADER) : read(headers, name);
}
