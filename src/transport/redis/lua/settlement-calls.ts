import type { EntryRef, Commit, CommitBatch, Park, Settlement } from '../settlement.js';
import { ENTRY_ID, type StreamWrite, type WriteValue } from '../../entry/writes.js';
import { isDeadLetterStream } from '../../entry/names.js';
import { namingPlaces } from './library-source.js';

/** Between which ids entries lie: where that is wrong, functions look them up one by one. */
export function idBounds(entries: readonly EntryRef[]): [least: string, greatest: string] {
  let [least = '-', greatest = '+'] = [entries[0]?.id, entries[0]?.id];
  for (const { id } of entries) {
    if (isBefore(id, least)) least = id;
    if (isBefore(greatest, id)) greatest = id;
  }
  return [least, greatest];
}

function isBefore(a: string, b: string): boolean {
  const [aMs, bMs] = [a.indexOf('-'), b.indexOf('-')];
  if (aMs !== bMs) return aMs < bMs;
  if (a.length === b.length) return a < b;
  const [aTime, bTime] = [a.slice(0, aMs), b.slice(0, bMs)];
  return aTime === bTime ? a.length < b.length : aTime < bTime;
}

/** Keys and arguments of writes, as the functions of the library read them. */
export interface WriteArguments {
  readonly keys: string[];
  readonly args: (string | number)[];
}

/**
 * Lays out writes for a function.
 *
 * @param ownKeys - how many keys of its own the function declares before those of the writes
 */
export function writeArguments(writes: readonly StreamWrite[], ownKeys: number): WriteArguments {
  const keys = [...new Set(writes.map(({ key }) => key))];
  const args: (string | number)[] = [];
  pushWrites(args, writes, (key) => ownKeys + 1 + keys.indexOf(key));
  return { keys, args };
}

/** Adds writes to the arguments of a function. @param positionOf - the place of a key among those that it declares */
export function pushWrites(
  args: (string | number)[],
  writes: readonly StreamWrite[],
  positionOf: (key: string) => number,
): void {
  args.push(writes.length);
  for (const { command, key, args: values } of writes) {
    args.push(command, positionOf(key), values.length);
    for (const value of values) args.push(literal(value));
  }
}

function literal(value: WriteValue): string {
  return value === ENTRY_ID ? '#' : `=${value}`;
}

/**
 * Lays out commits for the function `commit`: what many of them share, their form, once; and only what is their own for
 * each.
 *
 * @param ownKeys - the keys that it declares before those of the commits
 */
export function commitArguments(batch: CommitBatch, ownKeys: readonly string[]): WriteArguments {
  const { sequence, commits, followUps } = batch;
  const streams: string[] = [];
  const keys: string[] = [];
  const args: string[] = [];
  const forms: Commit[] = [];
  const places: number[] = [];
  for (const commit of commits) {
    places.push(placeOf(commit, forms));
    push(commit, streams, keys, args);
  }
  const sent = forms.map((form) => laidOut(form, (stream) => ownKeys.length + 1 + streams.indexOf(stream)));
  const [least, greatest] = idBounds(commits.map(({ entry }) => entry));
  return {
    keys: [...ownKeys, ...streams, ...keys],
    args: [
      ...[sequence, followUps.maxEntries, followUps.maxAgeMs, least, greatest],
      ...[JSON.stringify([sent, places, streams.length]), JSON.stringify(args)],
    ],
  };
}

/** The place of the form of a commit, counted from 1; a new one is added. */
function placeOf(commit: Commit, forms: Commit[]): number {
  const place = forms.findIndex((form) => haveOneForm(form, commit));
  return place < 0 ? forms.push(commit) : place + 1;
}

function haveOneForm(a: Commit, b: Commit): boolean {
  return (
    a.entry.deliveryCount === b.entry.deliveryCount &&
    (a.guard === undefined) === (b.guard === undefined) &&
    a.emits.length === b.emits.length &&
    a.writes.length === b.writes.length &&
    a.emits.every((emit, i) => {
      const other = b.emits[i];
      return emit.stream === other?.stream && emit.fields.length === other.fields.length;
    }) &&
    a.writes.every((write, i) => {
      const other = b.writes[i];
      return write.command === other?.command && write.args.length === other.args.length;
    })
  );
}

function laidOut({ entry, writes, emits, guard }: Commit, positionOf: (stream: string) => number): unknown[] {
  const events = emits.map(({ stream, fields }) => [
    positionOf(stream),
    // Dead letters are kept until they are trimmed on purpose.
    isDeadLetterStream(stream) ? 0 : 1,
    fields.length,
  ]);
  const made = writes.map(({ command, args }) => [command, args.length]);
  return [entry.deliveryCount, events, made, guard ? 1 : 0];
}

function push(
  { entry, guard, emits, writes }: Commit,
  streams: string[],
  keys: string[],
  args: string[],
): void {
  args.push(entry.id);
  if (guard) {
    keys.push(guard.key);
    args.push(guard.expected, guard.value, String(guard.ttlMs));
  }
  for (const { stream, fields } of emits) {
    if (!streams.includes(stream)) streams.push(stream);
    for (const part of fields) args.push(part);
  }
  for (const { key, args: values } of writes) {
    keys.push(key);
    for (const value of values) args.push(String(value));
  }
}

/** How many arguments the function takes before those of the writes: see library/park.lua. */
const LEADING = 5;

/**
 * Lays out parks for the function `park`.
 *
 * @param ownKeys - the keys that it declares before those of the writes
 */
export function parkArguments(
  parks: readonly Park[],
  ownKeys: readonly string[],
  me: readonly [group: string, consumer: string],
): WriteArguments {
  const places = new Map<string, number>();
  const writes: (string | number)[] = [];
  const rows: (string | number)[] = [];
  const placeOf = (key: string): number => {
    const place = places.get(key) ?? ownKeys.length + places.size + 1;
    places.set(key, place);
    return place;
  };
  for (const { entry, delayMs, writes: own } of parks) {
    const place = own.length === 0 ? 0 : LEADING + writes.length + 1;
    rows.push(entry.id, entry.deliveryCount, Math.round(delayMs), place);
    if (place > 0) pushWrites(writes, own, placeOf);
  }
  const [least, greatest] = idBounds(parks.map(({ entry }) => entry));
  return {
    keys: [...ownKeys, ...places.keys()],
    args: [...me, least, greatest, JSON.stringify(rows), ...writes],
  };
}

const WORDS: ReadonlySet<unknown> = new Set<Settlement>([
  'done',
  'gone',
  'taken',
  'vanished',
  'duplicate',
  'superseded',
]);

/**
 * Reads what a function answered for each of several entries. Where it is one text, all are done.
 *
 * @param count - how many entries there were
 */
export function settlementsOf(answers: string | readonly string[], count: number): Settlement[] {
  if (typeof answers === 'string') return Array.from({ length: count }, () => 'done');
  return answers.map((answer) =>
    WORDS.has(answer) ? (answer as Settlement) : { refused: namingPlaces(answer) },
  );
}
