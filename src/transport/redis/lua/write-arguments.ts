import type { EntryRef } from '../settlement.js';
import { ENTRY_ID, type StreamWrite, type WriteValue } from '../../entry/writes.js';

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
