import type { OrderFailure, OrderOutcome } from './order-state.js';

/** Fields of the hash that holds one order; the key lies in the hash slot of the stream. */
export const RECORD = {
  payload: 'payload',
  acceptedAt: 'acceptedAt',
  entryId: 'entryId',
  /** JSON of the last {@link OrderFailure}. */
  failure: 'failure',
  /** JSON of the {@link OrderOutcome}; written with HSETNX, so that the first one wins. */
  outcome: 'outcome',
  /** Id of the dead letter of the first entry with this order that was dead-lettered; it counts with such an outcome alone. */
  deadLetterId: 'deadLetterId',
  /** How often the order was put back after it had been dead-lettered. */
  replays: 'replays',
} as const;

/** A hash as Redis returns it. */
export type RecordFields = Readonly<Partial<Record<keyof typeof RECORD, string>>>;

export function outcomeOf(text: string | null | undefined): OrderOutcome | undefined {
  return text ? (JSON.parse(text) as OrderOutcome) : undefined;
}

export function failureOf(text: string | undefined): OrderFailure | undefined {
  return text ? (JSON.parse(text) as OrderFailure) : undefined;
}

const LATEST_TIME = 8.64e15;

/** When Redis took an entry, by the milliseconds of its id; an id of a producer's own making may say anything. */
export function timeOfEntry(entryId: string): string {
  return new Date(Math.min(Number.parseInt(entryId, 10) || 0, LATEST_TIME)).toISOString();
}
