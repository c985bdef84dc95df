import type { EntryRef } from '../settlement.js';

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
