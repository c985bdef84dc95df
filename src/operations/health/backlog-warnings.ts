import type { StreamSnapshot } from '../streams/streams-snapshot.js';
import type { Thresholds } from './thresholds.js';

/** Something that a person should look at, although the service works. */
export interface BacklogWarning {
  readonly code: 'lag' | 'oldest-pending' | 'dead-letters' | 'unknown';
  readonly stream?: string;
  readonly group?: string;
  readonly value?: number;
  readonly threshold?: number;
  readonly message: string;
}

/** What of a snapshot is beyond the thresholds; a lag that Redis does not know is not. */
export function backlogWarnings(
  streams: readonly StreamSnapshot[],
  thresholds: Thresholds,
): BacklogWarning[] {
  return streams.flatMap(({ stream, deadLetters = 0, groups }) => [
    ...(deadLetters >= thresholds.deadLetters
      ? [warning('dead-letters', { stream, value: deadLetters, threshold: thresholds.deadLetters })]
      : []),
    ...groups.flatMap(({ group, lag, oldestPendingAgeMs = 0 }) => [
      ...(lag !== 'unknown' && lag > thresholds.lag
        ? [warning('lag', { stream, group, value: lag, threshold: thresholds.lag })]
        : []),
      ...(oldestPendingAgeMs > thresholds.oldestPendingMs
        ? [
            warning('oldest-pending', {
              ...{ stream, group },
              ...{ value: oldestPendingAgeMs, threshold: thresholds.oldestPendingMs },
            }),
          ]
        : []),
    ]),
  ]);
}

const MESSAGES = {
  lag: 'More entries wait to be delivered than LAG_ALERT allows',
  'oldest-pending': 'An entry is pending for longer than OLDEST_PENDING_ALERT_MS allows',
  'dead-letters': 'There are as many dead letters as DEAD_LETTER_ALERT names, or more',
};

function warning(
  code: keyof typeof MESSAGES,
  found: Omit<BacklogWarning, 'code' | 'message'>,
): BacklogWarning {
  return { code, ...found, message: MESSAGES[code] };
}
