import { InvalidOptionError, UnsupportedPatternError, UnencodableEventError } from './client-errors.js';
import { createHash } from 'node:crypto';

/** What a dead-letter stream's name adds to the name of its source. */
const DEAD_LETTER_SUFFIX = '.DLT';

/** Whether a stream holds dead letters. */
export function isDeadLetterStream(streamKey: string): boolean {
  return streamKey.endsWith(DEAD_LETTER_SUFFIX);
}

/**
 * The stream that failed entries of a stream go to, on a cluster in the slot of that stream; what fails in a dead-letter
 * stream stays there.
 */
export function deadLetterKeyOf(streamKey: string, cluster = false): string {
  if (isDeadLetterStream(streamKey)) return streamKey;
  const tagged = cluster && !hasHashTag(streamKey) ? `{${streamKey}}` : streamKey;
  return `${tagged}${DEAD_LETTER_SUFFIX}`;
}

/** Names the streams that patterns stand for. */
export interface StreamNaming {
  /** Pattern to stream key; a pattern that is not listed is its own key. */
  readonly streams: Readonly<Record<string, string>>;
  /** On a Redis Cluster keys that belong together must share a hash slot, hence a hash tag. */
  readonly cluster: boolean;
}

/**
 * The stream key of a logical pattern.
 *
 * A listed pattern also names its relatives: with `orders` mapped to `shop`, `orders.DLT` is `shop.DLT`. On a
 * cluster a dotted key without a hash tag is tagged by what precedes its first dot, `orders.DLT` being
 * `{orders}.DLT`: the slot of `orders` (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
 */
export function streamKeyOf(pattern: string, naming: StreamNaming): string {
  const key = mapped(pattern, naming.streams);
  return naming.cluster ? tagged(key) : key;
}

/** The key of something kept next to a stream, always in the stream's own hash slot. */
export function helperKeyOf(streamKey: string, ...parts: string[]): string {
  return [hasHashTag(streamKey) ? streamKey : `{${streamKey}}`, ...parts].join(':');
}

/** The entries of a group that wait for a retry, by the time at which they are due. */
export function waitingListOf(streamKey: string, group: string): string {
  return helperKeyOf(streamKey, group, 'retry');
}

/** Where the entries that a replay made are noted. No group's name begins with `@`, so the key is nobody else's. */
export function replayNotesOf(streamKey: string): string {
  return helperKeyOf(streamKey, '@replayed');
}

/** Where the dead letters that this library wrote are noted, for as long as they are there. */
export function letterNotesOf(streamKey: string): string {
  return helperKeyOf(streamKey, '@letters');
}

/** The part of a key that decides on its hash slot: what stands in the first braces, else all of it. */
export function hashTagOf(key: string): string {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

/**
 * @throws InvalidOptionError when two patterns would share a stream, or a key is empty
 */
export function checkStreamNames(streams: Readonly<Record<string, string>>): void {
  const owners = new Map<string, string>();
  for (const [pattern, key] of Object.entries(streams)) {
    if (typeof key !== 'string') throw new InvalidOptionError(`streams.${pattern}`, 'must be a stream key');
    if (key === '') throw new InvalidOptionError(`streams.${pattern}`, 'a stream key cannot be empty');
    const owner = owners.get(key);
    if (owner !== undefined) {
      throw new InvalidOptionError(`streams.${pattern}`, `the stream "${key}" already belongs to "${owner}"`);
    }
    owners.set(key, pattern);
  }
}

function mapped(pattern: string, streams: Readonly<Record<string, string>>): string {
  for (let end = pattern.length; end > 0; end = pattern.lastIndexOf('.', end - 1)) {
    const prefix = pattern.slice(0, end);
    if (Object.hasOwn(streams, prefix)) {
      return `${streams[prefix] ?? ''}${pattern.slice(end)}`;
    }
  }
  return pattern;
}

function tagged(key: string): string {
  const dot = key.indexOf('.');
  return dot <= 0 || hasHashTag(key) ? key : `{${key.slice(0, dot)}}${key.slice(dot)}`;
}

function hasHashTag(key: string): boolean {
  return hashTagOf(key) !== key;
}

/** Parts of a pattern that stand for many names elsewhere: `orders.*`, `orders.>`, `orders/#`. */
const WILDCARD = /\*|(^|[./])[>#+]($|[./])/;

/**
 * Refuses a pattern that cannot name a stream.
 *
 * @param pattern - as Nest writes it down: an object such as `{ cmd: 'x' }` is the text `{"cmd":"x"}`
 * @throws UnsupportedPatternError when it is empty, no text, a wildcard, or a regular expression
 */
export function checkPattern(pattern: unknown): asserts pattern is string {
  const problem = problemOf(pattern);
  if (problem !== undefined) throw new UnsupportedPatternError(String(pattern), problem);
}

function problemOf(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string') return 'a pattern is a text, a number or an object; it names one stream';
  if (pattern === '') return 'it is empty; a pattern names one stream';
  if (pattern === '{}') {
    return 'a regular expression or an empty object names no stream. Use one handler for each pattern';
  }
  if (!pattern.startsWith('{') && WILDCARD.test(pattern)) {
    return 'wildcards are not supported, a pattern names one stream. Use one handler for each pattern';
  }
  return undefined;
}

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
