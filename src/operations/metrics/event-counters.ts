import type { TransportEvents } from '../../transport/index.js';

/** What a counter may be split by: never anything of which there can be any number. */
export type CounterLabel = 'stream' | 'group' | 'reason' | 'error';
export type CounterLabels = Partial<Record<CounterLabel, string>>;

type EventOf<K extends keyof TransportEvents> = Parameters<TransportEvents[K]>[0];

/** A counter and the event that moves it. */
export interface EventCounter<K extends keyof TransportEvents = keyof TransportEvents> {
  readonly name: string;
  readonly help: string;
  readonly event: K;
  /** By how much; default one. */
  readonly amount?: (event: EventOf<K>) => number;
  /** Splits the counter further than stream and group. */
  readonly split?: {
    readonly label: CounterLabel;
    readonly of: (event: EventOf<K>) => string;
    /** Values that are shown as 0 before they occur, because an increase is only seen from a value. */
    readonly known: readonly string[];
  };
}

const REASONS = [
  ...['retries-exhausted', 'not-retryable', 'malformed', 'no-handler', 'abandoned', 'vanished'],
] as const;

const PUT_OFF_REASONS = ['redis', 'postgresql', 'dependency', 'classifier'] as const;

/** Every counter of what happens to entries, one row each. */
export const EVENT_COUNTERS = [
  counter('received', {
    name: 'order_streams_received_total',
    help: 'Deliveries given to a handler, each attempt counted',
  }),
  counter('processed', {
    name: 'order_streams_acknowledged_total',
    help: 'Entries whose handler finished and that are acknowledged',
  }),
  counter('commit-refused', {
    name: 'order_streams_commits_refused_total',
    help: 'Commits of which nothing was written, by what had become of the entry',
    split: {
      label: 'reason',
      of: ({ settlement }) => settlement,
      known: ['gone', 'taken', 'vanished', 'superseded'],
    },
  }),
  counter('duplicate', {
    name: 'order_streams_duplicates_total',
    help: 'Entries without an effect, since what they bring has ended before',
  }),
  counter('duplicate-waiting', {
    name: 'order_streams_duplicate_waits_total',
    help: 'Times that a duplicate was made to wait, because another entry with its idempotency key is being handled',
  }),
  counter('skipped', {
    name: 'order_streams_skipped_total',
    help: 'Entries replayed for another group, acknowledged without a handler',
  }),
  counter('replay-fields-ignored', {
    name: 'order_streams_replay_fields_ignored_total',
    help: 'Entries in which a producer wrote fields that only a replay writes; the fields said nothing',
  }),
  counter('headers-left-out', {
    name: 'order_streams_headers_left_out_total',
    help: 'Entries that were handled without headers of theirs that are not UTF-8',
  }),
  counter('failed', {
    name: 'order_streams_failed_total',
    help: 'Deliveries that failed, by the name of the error; names beyond the first 50 count as "other"',
    split: { label: 'error', of: ({ error }) => errorNameOf(error), known: [] },
  }),
  counter('retry-scheduled', {
    name: 'order_streams_retried_total',
    help: 'Failed entries put on the waiting list for another attempt',
  }),
  counter('put-off', {
    name: 'order_streams_put_off_total',
    help: 'Entries that wait uncharged, by what cannot be used; "classifier" where the options alone say so',
    split: { label: 'reason', of: ({ reason }) => reason, known: PUT_OFF_REASONS },
  }),
  counter('intake-paused', {
    name: 'order_streams_intake_paused_total',
    help: 'Times that no further entries were taken, because Redis refused writes or did not answer',
  }),
  counter('dead-lettered', {
    name: 'order_streams_dead_lettered_total',
    help: 'Entries moved to the dead-letter stream, by reason',
    split: { label: 'reason', of: ({ reason }) => reason, known: REASONS },
  }),
  counter('dead-letter-failed', {
    name: 'order_streams_dead_letter_handling_failed_total',
    help: 'Dead letters read as input that failed for good; they stay where they are',
  }),
  counter('reclaimed', {
    name: 'order_streams_reclaimed_total',
    help: 'Entries taken over from a consumer that was silent for the ack wait',
    amount: ({ entryIds }) => entryIds.length,
  }),
  counter('received', {
    name: 'order_streams_replayed_total',
    help: 'Replayed dead letters that were delivered again',
    amount: ({ deliveryCount, replays }) => (deliveryCount === 1 && replays > 0 ? 1 : 0),
  }),
  counter('vanished', {
    name: 'order_streams_vanished_total',
    help: 'Entries deleted from the stream while they were pending',
    amount: ({ entryIds }) => entryIds.length,
  }),
  counter('lost', {
    name: 'order_streams_lost_total',
    help: 'Entries that no handler gets: "removed" before the group was given them, or "skipped" by setting the group',
    amount: ({ count }) => count,
    split: { label: 'reason', of: ({ reason }) => reason, known: ['removed', 'skipped'] },
  }),
  counter('group-remade', {
    name: 'order_streams_group_remade_total',
    help: 'Times that the group was made again after it had been lost: entries may have repeated',
  }),
  counter('group-set-back', {
    name: 'order_streams_group_set_back_total',
    help: 'Times that the group stood beyond the end of its stream and was set back: entries may have repeated',
  }),
  counter('clock-set-back', {
    name: 'order_streams_freed_future_total',
    help: "Pending entries stamped in Redis's future, as its clock was set back, that were given the present time",
    amount: ({ freed }) => freed,
  }),
  counter('trimmed', {
    name: 'order_streams_trimmed_total',
    help: 'Entries that retention removed: "retention" what nobody needed, "hard-cap" whether needed or not',
    amount: ({ removed }) => removed,
    split: {
      label: 'reason',
      of: ({ forced }) => (forced ? 'hard-cap' : 'retention'),
      known: ['retention', 'hard-cap'],
    },
  }),
] as const;

function counter<K extends keyof TransportEvents>(
  event: K,
  row: Omit<EventCounter<K>, 'event'>,
): EventCounter<K> {
  return { ...row, event };
}

/** Anything can be thrown. */
function errorNameOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const name: unknown = error.name;
  return name === 'Error' ? error.constructor.name : String(name);
}
