import type { DeadLetter } from '../entry/dead-letter.js';
import type { ENTRY_ID, StreamWrites } from '../entry/writes.js';
import type { DeadLetterFilter } from './dead-letter-filter.js';

/**
 * Adds Redis writes to the step that moves a dead letter back to its stream: they are applied with it or not at all. Its
 * keys must share the stream's hash slot. It may wait, and may read first: a dead letter never changes, and goes back
 * once. When it throws, the dead letter stays where it is.
 *
 * @param payload - what goes back: the payload that failed, or the one given in its place; undefined when it cannot be
 * decoded, or is too large to be read (see `truncation`)
 * @param entryId - stands for the id of the new entry
 */
export type ReplayHook = (
  deadLetter: DeadLetter,
  payload: unknown,
  writes: StreamWrites,
  entryId: typeof ENTRY_ID,
) => void | Promise<void>;

/** Whether a job goes on, was ended by somebody, or is through. */
export type ReplayJobState = 'running' | 'cancelled' | 'done';

/** The replay of many dead letters. */
export interface ReplayJob {
  /** A UUID. */
  readonly id: string;
  /** How far it is. */
  readonly state: ReplayJobState;
  /** Which dead letters it puts back. */
  readonly filter: DeadLetterFilter;
  /** Dead letters that go back in a second at most. */
  readonly ratePerSecond: number;
  /** How many dead letters were meant when it began. */
  readonly total: number;
  /** Whether all of them were counted; otherwise there are more. */
  readonly isTotalComplete: boolean;
  /** Dead letters that it has put back. */
  readonly replayed: number;
  /** Of those that were replayed, how many had been replayed before. */
  readonly repeated: number;
  /** Meant but not replayed: somebody else was first, or they cannot be put back. */
  readonly skipped: number;
  /** Of those that were skipped, how many this library did not write: each goes back only where its stream is said. */
  readonly foreign: number;
  /** Who started it. */
  readonly by: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** ISO 8601; absent while it runs. */
  readonly endedAt?: string;
  /** What keeps it from going on at present; it tries again. */
  readonly problem?: string;
  /** The id up to which it is through. */
  readonly cursor: string;
  /** The id up to which it goes: what is dead-lettered after it began is not meant. */
  readonly bound: string;
}

/** What is kept of a new job in addition to its id and state. */
export function fieldsOfJob(
  job: Omit<ReplayJob, 'id' | 'state' | 'endedAt' | 'problem'>,
): Record<string, string> {
  const { since, until, ...rest } = job.filter;
  return {
    filter: JSON.stringify({ ...rest, since: since?.getTime(), until: until?.getTime() }),
    ratePerSecond: String(job.ratePerSecond),
    total: String(job.total),
    isTotalComplete: job.isTotalComplete ? '1' : '0',
    replayed: String(job.replayed),
    repeated: String(job.repeated),
    skipped: String(job.skipped),
    foreign: String(job.foreign),
    ...{
      by: job.by,
      startedAt: job.startedAt,
      endedAt: '',
      problem: '',
      cursor: job.cursor,
      bound: job.bound,
    },
  };
}

/** Reads what is kept of a job; undefined when none ever ran. */
export function jobOf(fields: Readonly<Record<string, string>>): ReplayJob | undefined {
  const { id, state = 'done', filter = '{}', startedAt = '', endedAt, problem, by = '' } = fields;
  if (id === undefined) return undefined;
  return {
    ...{ id, state: state as ReplayJobState, filter: filterOf(filter) },
    ratePerSecond: Number(fields.ratePerSecond),
    total: Number(fields.total),
    isTotalComplete: fields.isTotalComplete === '1',
    replayed: Number(fields.replayed),
    repeated: Number(fields.repeated),
    skipped: Number(fields.skipped),
    foreign: Number(fields.foreign),
    ...{ by, startedAt, cursor: fields.cursor ?? '-', bound: fields.bound ?? '-' },
    ...(endedAt && { endedAt }),
    ...(problem && { problem }),
  };
}

function filterOf(text: string): DeadLetterFilter {
  const { since, until, ...rest } = JSON.parse(text) as Omit<DeadLetterFilter, 'since' | 'until'> & {
    since?: number;
    until?: number;
  };
  return {
    ...rest,
    ...(since !== undefined && { since: new Date(since) }),
    ...(until !== undefined && { until: new Date(until) }),
  };
}
