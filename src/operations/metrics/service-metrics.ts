import { Inject, Injectable, Optional } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { StoreCheck } from '../health/store-check.js';
import { RedisStreamsServer } from '../../transport/index.js';
import { Recent } from '../streams/recent.js';
import { StreamsSnapshots } from '../streams/streams-snapshots.js';
import { observeDurations } from './delivery-histograms.js';
import { EVENT_COUNTERS, type EventCounter } from './event-counters.js';
import { EventTally } from './event-tally.js';
import { METRICS_OPTIONS, type MetricsOptions } from './metrics-options.js';
import { ProcessGauges } from './process-gauges.js';
import { StaleGroups } from './stale-groups.js';
import { StreamGauges } from './stream-gauges.js';

/** How long what Redis and the store said stands, in milliseconds: anybody may ask. */
const LOOK_STANDS_MS = 1_000;

/** The metrics of the service, in a registry of its own. */
@Injectable()
export class ServiceMetrics {
  private readonly registry = new Registry();
  private readonly processGauges: ProcessGauges;
  private readonly streamGauges: StreamGauges;
  private readonly looks = new Recent(
    () => this.look(),
    () => LOOK_STANDS_MS,
  );

  constructor(
    private readonly server: RedisStreamsServer,
    private readonly snapshots: StreamsSnapshots,
    @Inject(METRICS_OPTIONS) { thresholds, recoveryIntervalMs }: MetricsOptions,
    @Optional() private readonly store?: StoreCheck,
  ) {
    for (const row of EVENT_COUNTERS as readonly EventCounter[]) {
      const tally = new EventTally(row, () => server.consumed, this.registry);
      server.on(row.event, tally.add);
    }
    observeDurations(server, this.registry);
    const stale = new StaleGroups(server, recoveryIntervalMs);
    this.streamGauges = new StreamGauges([this.registry], (stream, group) => stale.isStale(stream, group));
    this.processGauges = new ProcessGauges(server, [this.registry], thresholds);
    collectDefaultMetrics({ register: this.registry });
  }

  /** All metrics in Prometheus's text format; settles within three seconds whatever Redis does. */
  async text(): Promise<string> {
    await this.looks.get();
    return this.registry.metrics();
  }

  private async look(): Promise<void> {
    const [{ ready }, problem, streams] = await Promise.all([
      this.server.checkHealth(),
      this.store?.check(),
      this.snapshots.take().then(
        (snapshot) => snapshot.streams,
        () => [],
      ),
    ]);
    this.processGauges.show(ready && problem === undefined);
    this.streamGauges.show(streams);
  }
}
