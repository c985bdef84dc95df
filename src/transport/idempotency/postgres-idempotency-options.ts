import { InvalidOptionError } from '../entry/client-errors.js';

/** Longest time that PostgreSQL takes for a setting, in milliseconds. */
export const MOST_MS = 2_147_483_647;

/** Options of `PostgresIdempotencyStore`. */
export interface PostgresIdempotencyOptions {
  /**
   * The table, with a schema before it if it is to be in another than the connection's own.
   *
   * @defaultValue `order_streams_inbox`
   */
  table?: string;
  /**
   * Milliseconds that a duplicate waits for the transaction that handles its key before it is put off. Long waits keep
   * connections and slots taken; short ones put off what a moment later is known to be a duplicate.
   *
   * @defaultValue 100
   */
  lockWaitMs?: number;
  /**
   * Milliseconds within which a connection must be had and the key be asked for, else the entry is put off.
   *
   * @defaultValue 10000
   */
  startTimeoutMs?: number;
}

export const KNOWN: Readonly<Record<keyof PostgresIdempotencyOptions, true>> = {
  table: true,
  lockWaitMs: true,
  startTimeoutMs: true,
};

/** @throws InvalidOptionError when PostgreSQL does not take it */
export function checkMs(option: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MOST_MS) return value;
  throw new InvalidOptionError(
    option,
    `must be a whole number of milliseconds from 1 to ${MOST_MS}, not ${String(value)}`,
  );
}
