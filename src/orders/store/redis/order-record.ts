import type { OrderFailure, OrderOutcome } from '../../order-state.js';

/** Fields of the hash that holds one order; the key lies in the hash slot of the stream. */
export const RECORD = {
  payload: 'payload',
  /** Distinguishes it from another order with its id; nobody is shown it. Missing in records of earlier versions. */
  content: 'content',
  acceptedAt: 'acceptedAt',
  /** Of the first entry that brought the order, or of its last replay. */
  entryId: 'entryId',
  /** JSON of the last {@link OrderFailure}. */
  failure: 'failure',
  /** JSON of the {@link OrderOutcome}; written only where there is none, so that the first one wins. */
  outcome: 'outcome',
  /** Id of the dead letter that ended the order. */
  deadLetterId: 'deadLetterId',
  /** How often the order was put back from the dead letters. */
  replays: 'replays',
} as const;

/** A hash as Redis returns it. */
export type RecordFields = Readonly<Partial<Record<keyof typeof RECORD | FailureOfEntry, string>>>;

type FailureOfEntry = `failure:${string}`;

/** Where the last failure of an entry is kept apart from those of others that carry the same id. */
export function failureOfEntry(entryId: string): FailureOfEntry {
  return `failure:${entryId}`;
}

export function outcomeOf(text: string | null | undefined): OrderOutcome | undefined {
  return text ? (JSON.parse(text) as OrderOutcome) : undefined;
}

export function failureOf(text: string | undefined): OrderFailure | undefined {
  return text ? (JSON.parse(text) as OrderFailure) : undefined;
}

export function replaysOf({ replays }: RecordFields): number {
  return Number(replays ?? 0);
}

/** The last time that ISO 8601 writes with a year of four digits, and that every database knows. */
const LATEST_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** When Redis took an entry, by the milliseconds of its id; an id of a producer's own making may say anything. */
export function timeOfEntry(entryId: string): string {
  return new Date(Math.min(Number.parseInt(entryId, 10) || 0, LATEST_TIME)).toISOString();
}
