import type { Metric, MetricObjectWithValues, MetricValueWithName, Registry } from 'prom-client';
import type { StreamEvent } from '../../transport/index.js';

/** Name, help and the upper bounds of the buckets in seconds, ascending. */
export interface DurationRow {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
}

type Place = Pick<StreamEvent, 'stream' | 'group'>;
type Labels = 'stream' | 'group' | 'le';
type Value = MetricValueWithName<Labels>;

interface Sums extends Place {
  /** How many fell into each bucket, those beyond the last bound at the end. */
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram of durations by stream and group. The client's own finds its labels by a text that it makes for each
 * value, which takes a microsecond and more of every delivery; here a value costs a few nanoseconds.
 */
export class DurationTally {
  readonly name: string;
  private readonly sums = new Map<string, Sums>();

  constructor(
    private readonly row: DurationRow,
    registry: Registry,
  ) {
    this.name = row.name;
    // A registry asks for no more than a name and `get`.
    registry.registerMetric(this as unknown as Metric);
  }

  /** Adds one duration in seconds. */
  observe({ stream, group }: Place, seconds: number): void {
    const { buckets } = this.row;
    let sums = this.sums.get(stream);
    if (!sums) {
      sums = { stream, group, counts: Array.from({ length: buckets.length + 1 }, () => 0), sum: 0 };
      this.sums.set(stream, sums);
    }
    let bucket = 0;
    while (bucket < buckets.length && seconds > (buckets[bucket] ?? 0)) bucket += 1;
    sums.counts[bucket] = (sums.counts[bucket] ?? 0) + 1;
    sums.sum += seconds;
  }

  /** What the registry shows. */
  get(): Promise<MetricObjectWithValues<Value>> {
    const { name, help } = this.row;
    const values = [...this.sums.values()].flatMap((sums) => this.valuesOf(sums));
    const shown = { name, help, type: 'histogram', aggregator: 'sum', values };
    return Promise.resolve(shown as unknown as MetricObjectWithValues<Value>);
  }

  private valuesOf({ stream, group, counts, sum }: Sums): Value[] {
    const { name, buckets } = this.row;
    let below = 0;
    const cumulative = counts.map((count, bucket) => {
      below += count;
      return {
        metricName: `${name}_bucket`,
        labels: { le: buckets[bucket] ?? '+Inf', stream, group },
        value: below,
      };
    });
    return [
      ...cumulative,
      { metricName: `${name}_sum`, labels: { stream, group }, value: sum },
      { metricName: `${name}_count`, labels: { stream, group }, value: below },
    ];
  }
}
