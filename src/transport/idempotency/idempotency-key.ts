import { createHash } from 'node:crypto';
import { IdempotencyKeyError } from '../entry/errors.js';
import { describeThrown } from '../entry/thrown.js';

/** Longest key that a handler may name, in UTF-16 units. */
const MAX_KEY_LENGTH = 512;
/** Longer keys are kept as their hash. */
const MAX_KEPT_LENGTH = 128;

/** Finds the business key in a payload, at once. It is given what the entry carries, before any pipe. */
export type IdempotencyKey<T = unknown> = (payload: T) => string | number | bigint;

/**
 * The key of an event.
 *
 * @throws IdempotencyKeyError when there is none: the key function threw, or gave something that is no key
 */
export function keyOf(handler: string, key: IdempotencyKey, payload: unknown): string {
  let found: unknown;
  try {
    found = key(payload);
  } catch (error) {
    const { name, message } = describeThrown(error);
    throw new IdempotencyKeyError(handler, `the key function threw ${name}: ${message}`, { cause: error });
  }
  if (typeof found === 'number' && Math.abs(found) > Number.MAX_SAFE_INTEGER && Number.isFinite(found)) {
    throw new IdempotencyKeyError(
      handler,
      "it is a number beyond 2^53 - 1, which is rounded and may be that of another event too; set the option bigNumbers to 'string' or 'bigint'",
    );
  }
  const isNumber = typeof found === 'bigint' || (typeof found === 'number' && Number.isFinite(found));
  const text = isNumber ? String(found) : found;
  if (typeof text !== 'string') {
    throw new IdempotencyKeyError(
      handler,
      `the key function gave ${kindOf(found)}, not a string or a number`,
    );
  }
  if (text === '') throw new IdempotencyKeyError(handler, 'it is an empty string');
  if (text.length > MAX_KEY_LENGTH) {
    throw new IdempotencyKeyError(handler, `it has ${text.length} characters, more than ${MAX_KEY_LENGTH}`);
  }
  if (!text.isWellFormed()) {
    throw new IdempotencyKeyError(handler, 'it holds half a surrogate pair, which has no UTF-8');
  }
  return text;
}

/**
 * A key as it is kept: short, and without the character that PostgreSQL has no form for. What is kept as a hash cannot
 * look like a key that is kept as it is.
 */
export function keptKey(key: string): string {
  if (key.length <= MAX_KEPT_LENGTH && !key.includes('\0')) return `=${key}`;
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

function kindOf(value: unknown): string {
  if (value instanceof Promise) return 'a promise';
  if (typeof value === 'number') return String(value);
  return value === null ? 'null' : typeof value;
}
