import type { Park } from '../settlement.js';
import { idBounds, pushWrites, type WriteArguments } from './write-arguments.js';

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
