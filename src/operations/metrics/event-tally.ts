import { Counter, type Registry } from 'prom-client';
import type { ConsumedStream, StreamEvent } from '../../transport/index.js';
import type { CounterLabels, EventCounter } from './event-counters.js';

/** Most values of one label: beyond them a new one counts as {@link OTHER}, so that a metric cannot grow without end. */
const MOST_VALUES = 50;
const OTHER = 'other';
/** Longest value of a label. */
const LONGEST_VALUE = 64;

interface Sum {
  readonly labels: CounterLabels;
  value: number;
}

/**
 * Counts one kind of event. Events are frequent and scrapes are rare: sums are kept here, where adding one costs a few
 * nanoseconds, and handed to Prometheus's client when it asks.
 */
export class EventTally {
  private readonly sums = new Map<string, Map<string, Sum>>();
  private readonly values = new Set<string>();

  constructor(
    private readonly row: EventCounter,
    consumed: () => readonly ConsumedStream[],
    registry: Registry,
  ) {
    const { name, help, split } = row;
    // The client calls it with itself as `this`; the sums are ours.
    const show = (counter: Counter): void => {
      for (const stream of consumed()) this.showZeroes(stream);
      counter.reset();
      for (const { labels, value } of this.all()) counter.inc(labels, value);
    };
    new Counter({
      ...{ name, help },
      labelNames: ['stream', 'group', ...(split ? [split.label] : [])],
      registers: [registry],
      collect() {
        show(this);
      },
    });
  }

  /** @param event - one of the kind that the row names */
  readonly add = (event: StreamEvent): void => {
    const { amount, split } = this.row;
    const added = amount ? amount(event as never) : 1;
    if (added > 0) this.sumOf(event, split ? this.bounded(split.of(event as never)) : '').value += added;
  };

  private showZeroes(stream: ConsumedStream): void {
    const { split } = this.row;
    for (const value of split ? split.known : ['']) this.sumOf(stream, split ? this.bounded(value) : '');
  }

  private sumOf({ stream, group }: Pick<StreamEvent, 'stream' | 'group'>, value: string): Sum {
    let ofStream = this.sums.get(stream);
    if (!ofStream) {
      ofStream = new Map<string, Sum>();
      this.sums.set(stream, ofStream);
    }
    let sum = ofStream.get(value);
    if (!sum) {
      const { split } = this.row;
      sum = { labels: { stream, group, ...(split && { [split.label]: value }) }, value: 0 };
      ofStream.set(value, sum);
    }
    return sum;
  }

  private bounded(value: string): string {
    if (this.values.has(value)) return value;
    const short = value.slice(0, LONGEST_VALUE);
    if (!this.values.has(short) && this.values.size >= MOST_VALUES) return OTHER;
    this.values.add(short);
    return short;
  }

  private *all(): Generator<Sum> {
    for (const ofStream of this.sums.values()) yield* ofStream.values();
  }
}
