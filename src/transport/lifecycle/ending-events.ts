import type { Settlement } from '../redis/settlement.js';
import type { DeadLetterEnding, DeferEnding, DropEnding, RetryEnding } from '../policy/ending.js';

/** An event that says how a delivery ended. */
export type EndEvent =
  | 'processed'
  | 'duplicate'
  | 'skipped'
  | 'commit-refused'
  | 'retry-scheduled'
  | 'put-off'
  | 'duplicate-waiting'
  | 'dead-lettered'
  | 'dead-letter-failed';

/** An ending that is written before it is reported. */
export type WrittenEnding = RetryEnding | DeferEnding | DeadLetterEnding | DropEnding;

type Answer = Extract<Settlement, string>;
type Row = Readonly<Partial<Record<Answer, EndEvent>>>;

/**
 * The event that says how a delivery ended, by the ending that was asked for and what Redis answered. Where there is
 * none, somebody else settles the entry and says so.
 */
const EVENTS = {
  commit: {
    ...{ done: 'processed', duplicate: 'duplicate' },
    ...{ gone: 'commit-refused', taken: 'commit-refused', vanished: 'commit-refused' },
    superseded: 'commit-refused',
  },
  retry: { done: 'retry-scheduled', duplicate: 'duplicate' },
  'defer: put-off': { done: 'put-off' },
  'defer: duplicate-waiting': { done: 'duplicate-waiting', gone: 'duplicate-waiting' },
  'defer: superseded': {},
  'dead-letter': { done: 'dead-lettered', duplicate: 'duplicate' },
  'drop: duplicate': { done: 'duplicate' },
  'drop: dead-letter-failed': { done: 'dead-letter-failed' },
} as const satisfies Record<string, Row>;

/** @returns undefined where nothing is to be said */
export function eventAfter(ending: WrittenEnding, settlement: Settlement | undefined): EndEvent | undefined {
  if (typeof settlement !== 'string') return undefined;
  const row: Row =
    EVENTS['as' in ending ? (`${ending.action}: ${ending.as}` as keyof typeof EVENTS) : ending.action];
  return row[settlement];
}

/** The event after the answer to a commit that was not refused. */
export function eventAfterCommit(settlement: Answer): EndEvent {
  return EVENTS.commit[settlement];
}
