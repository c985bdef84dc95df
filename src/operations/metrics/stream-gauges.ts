import { Gauge, type Registry } from 'prom-client';
import type { GroupState } from '../../transport/index.js';
import type { StreamSnapshot } from '../streams/streams-snapshot.js';

interface GroupGauge {
  readonly name: string;
  readonly help: string;
  readonly of: (group: GroupState) => number;
}

/** What is reported of every group of every stream. */
const GROUP_GAUGES: readonly GroupGauge[] = [
  {
    name: 'order_streams_lag',
    help: 'Entries that the group has not been given yet; NaN where Redis does not know',
    of: ({ lag }) => (lag === 'unknown' ? Number.NaN : lag),
  },
  {
    name: 'order_streams_pending',
    help: 'Entries delivered and not acknowledged, those that wait for a retry included',
    of: ({ pending }) => pending,
  },
  {
    name: 'order_streams_waiting',
    help: 'Failed entries that wait for their next attempt',
    of: ({ waiting }) => waiting,
  },
  {
    name: 'order_streams_oldest_pending_age_seconds',
    help: 'Time since the oldest pending entry was added; 0 when nothing is pending',
    of: ({ oldestPendingAgeMs = 0 }) => oldestPendingAgeMs / 1_000,
  },
  {
    name: 'order_streams_consumers',
    help: 'Consumers of the group',
    of: ({ consumers }) => consumers.length,
  },
];

/** Gauges of what Redis holds. They are the same in every process: take the maximum, not the sum. */
export class StreamGauges {
  private readonly groupGauges: readonly (readonly [GroupGauge, Gauge])[];
  private readonly stale: Gauge;
  private readonly length: Gauge;
  private readonly deadLetters: Gauge;

  /** @param isStale - whether a group holds retention back */
  constructor(
    registers: Registry[],
    private readonly isStale: (stream: string, group: string) => boolean,
  ) {
    const labelNames = ['stream', 'group'];
    this.groupGauges = GROUP_GAUGES.map((row) => [
      row,
      new Gauge({ name: row.name, help: row.help, labelNames, registers }),
    ]);
    this.stale = new Gauge({
      name: 'order_streams_group_stale',
      help: '1 while a group needs entries that are older than the retention, which keeps them',
      ...{ labelNames, registers },
    });
    this.length = new Gauge({
      name: 'order_streams_length',
      help: 'Entries in the stream, those that every group is done with included',
      ...{ labelNames: ['stream'], registers },
    });
    this.deadLetters = new Gauge({
      name: 'order_streams_dead_letters',
      help: 'Entries in the dead-letter stream of the stream',
      ...{ labelNames: ['stream'], registers },
    });
  }

  /** @param streams - none while Redis does not answer: then nothing is known, and nothing is shown */
  show(streams: readonly StreamSnapshot[]): void {
    for (const gauge of [this.stale, this.length, this.deadLetters]) gauge.reset();
    for (const [, gauge] of this.groupGauges) gauge.reset();
    for (const { stream, length, deadLetters, groups } of streams) {
      this.length.set({ stream }, length);
      if (deadLetters !== undefined) this.deadLetters.set({ stream }, deadLetters);
      for (const group of groups) {
        const labels = { stream, group: group.group };
        for (const [row, gauge] of this.groupGauges) gauge.set(labels, row.of(group));
        this.stale.set(labels, this.isStale(stream, group.group) ? 1 : 0);
      }
    }
  }
}
