import type { ReplayJobDto } from '../dead-letters/dto/replay-job.dto.js';
import type { StreamSnapshot } from '../streams/streams-snapshot.js';
import type { Activity } from './activity-window.js';

/** The entries of a group that wait for a retry. */
export interface WaitingList {
  readonly stream: string;
  readonly group: string;
  readonly count: number;
  /** When the next one is due, ISO 8601; absent when none waits. */
  readonly nextDueAt?: string;
}

/** Of all processes, one number for each bucket, the oldest first. */
export interface ActivityHistory extends Readonly<Record<Activity, readonly number[]>> {
  readonly bucketMs: number;
  /** Entries of the group not delivered yet, in all streams it reads; null where nobody looked. */
  readonly lag: readonly (number | null)[];
}

/** What Redis says, or why it says nothing. */
export type DashboardLook =
  | { readonly problem: string }
  | {
      readonly group: string;
      readonly streams: readonly StreamSnapshot[];
      readonly waiting: readonly WaitingList[];
      readonly job: ReplayJobDto | null;
    };

/** All that the page shows by itself; each is complete, so that one which is missed costs nothing. */
export type DashboardState = DashboardLook & {
  /** ISO 8601. */
  readonly at: string;
  readonly history: ActivityHistory;
};
