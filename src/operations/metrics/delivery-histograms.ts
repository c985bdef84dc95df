import type { Registry } from 'prom-client';
import type { RedisStreamsServer, SettledEvent } from '../../transport/index.js';
import { DurationTally } from './duration-tally.js';

/** From a millisecond to beyond the handler timeout's default. */
const HANDLING_BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];
/** From what a quick handler takes to a backlog of a day. */
const DONE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 86400,
];
/** A smaller time (2001) in an id is none: the producer made ids of its own. */
const EARLIEST_MS = 1_000_000_000_000;

/** Observes how long deliveries take. */
export function observeDurations(server: RedisStreamsServer, registry: Registry): void {
  const handling = new DurationTally(
    {
      name: 'order_streams_handling_duration_seconds',
      help: 'Time from the start of a handler to its end, whether it succeeded or failed',
      buckets: HANDLING_BUCKETS,
    },
    registry,
  );
  const done = new DurationTally(
    {
      name: 'order_streams_emit_to_done_seconds',
      help: "Time from the entry's id, when it was emitted, to the end of the handler that succeeded",
      buckets: DONE_BUCKETS,
    },
    registry,
  );
  server.on('failed', (event: SettledEvent) => handling.observe(event, event.durationMs / 1_000));
  server.on('processed', (event: SettledEvent) => {
    handling.observe(event, event.durationMs / 1_000);
    const emittedMs = Number.parseInt(event.entryId, 10);
    // The clock of Redis may be ahead of ours.
    if (emittedMs >= EARLIEST_MS) done.observe(event, Math.max(0, Date.now() - emittedMs) / 1_000);
  });
}
