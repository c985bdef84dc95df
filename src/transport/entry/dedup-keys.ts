import { createHash } from 'node:crypto';
import { UnencodableEventError } from './client-errors.js';
import { helperKeyOf } from './names.js';

/** The header by which an event is known: a repeat within the window adds nothing. */
export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';

/** How long a repeat is known by default, in milliseconds: a day. */
export const DEFAULT_DEDUP_WINDOW_MS = 86_400_000;

/** A longer key is known by its hash. */
const LONGEST_PLAIN_KEY = 128;

/** One name by which an event is known. */
export interface IdempotencyKey {
  readonly key: string;
  /** Distinguishes events that may be sent with this key; empty where that is not wanted. */
  readonly fingerprint: string;
}

/** By what, and for how long, a repeat of an event is known. */
export interface Idempotency {
  readonly keys: readonly IdempotencyKey[];
  readonly windowMs: number;
}

/**
 * Where it is kept which entry a key stands for, in the hash slot of the stream. The name of a group never begins with
 * an at sign, so a key of a producer's choosing never meets what a group keeps.
 */
export function dedupMarkerOf(stream: string, key: string): string {
  const name = key.length > LONGEST_PLAIN_KEY ? createHash('sha256').update(key).digest('hex') : key;
  return helperKeyOf(stream, '@dedup', name);
}

/** @throws UnencodableEventError when the key cannot name an event */
export function checkIdempotencyKey(key: string): string {
  if (typeof key !== 'string' || key === '' || !key.isWellFormed()) {
    throw new UnencodableEventError('an idempotency key is a text that is not empty');
  }
  return key;
}
