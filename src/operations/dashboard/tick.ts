import { ACTIVITIES, BUCKETS, type ActivityRow } from './activity-window.js';

/** What a process reports to the others: all that it did in the last minutes, so that a tick which was missed costs nothing. */
export interface Tick {
  /** Name of the process, a new one at each start. */
  readonly process: string;
  readonly rows: readonly ActivityRow[];
}

/** Reads a tick; undefined when it is none, since anybody may publish on a channel. */
export function tickOf(message: string): Tick | undefined {
  let tick: unknown;
  try {
    tick = JSON.parse(message);
  } catch {
    return undefined;
  }
  return isTick(tick) ? tick : undefined;
}

function isTick(value: unknown): value is Tick {
  if (typeof value !== 'object' || value === null) return false;
  const { process, rows } = value as Partial<Record<keyof Tick, unknown>>;
  return typeof process === 'string' && Array.isArray(rows) && rows.length <= BUCKETS && rows.every(isRow);
}

function isRow(row: unknown): boolean {
  return (
    Array.isArray(row) && row.length === ACTIVITIES.length + 1 && row.every((n) => Number.isSafeInteger(n))
  );
}
