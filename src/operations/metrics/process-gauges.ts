import { Gauge, type Registry } from 'prom-client';
import type { RedisStreamsServer } from '../../transport/index.js';
import type { Thresholds } from '../health/thresholds.js';

/** Gauges of this process. */
export class ProcessGauges {
  private readonly ready: Gauge;
  private readonly inFlight: Gauge;
  private readonly slotsExhausted: Gauge;
  private readonly lastRun: Gauge;
  private readonly lastLost: Gauge;

  constructor(
    private readonly server: RedisStreamsServer,
    registers: Registry[],
    thresholds: Thresholds,
  ) {
    this.ready = new Gauge({
      name: 'order_streams_ready',
      help: '1 while GET /health/ready answers 200',
      registers,
    });
    this.inFlight = new Gauge({
      name: 'order_streams_in_flight',
      help: 'Entries given to a handler of this process and not settled yet',
      ...{ labelNames: ['stream', 'group'], registers },
    });
    this.slotsExhausted = new Gauge({
      name: 'order_streams_slots_exhausted_seconds',
      help: 'For how long entries have waited while every slot of their pattern was taken; 0 where one is free',
      ...{ labelNames: ['stream', 'group'], registers },
    });
    this.lastRun = new Gauge({
      name: 'order_streams_recovery_last_run_timestamp_seconds',
      help: 'When a run of the recovery last succeeded for all streams, in Unix time; 0 before the first',
      registers,
    });
    this.lastLost = new Gauge({
      name: 'order_streams_last_lost_timestamp_seconds',
      help: 'When it was last noticed that entries were lost unread, in Unix time; 0 where they never were',
      ...{ labelNames: ['stream', 'group'], registers },
    });
    for (const [name, help, value] of thresholdRows(thresholds))
      new Gauge({ name, help, registers }).set(value);
  }

  /** @param ready - whether the process is ready */
  show(ready: boolean): void {
    const { consumed, recovery } = this.server;
    this.ready.set(ready ? 1 : 0);
    this.inFlight.reset();
    this.slotsExhausted.reset();
    this.lastLost.reset();
    for (const { stream, group, inFlight, exhaustedForMs, lost } of consumed) {
      this.inFlight.set({ stream, group }, inFlight);
      this.slotsExhausted.set({ stream, group }, exhaustedForMs / 1_000);
      this.lastLost.set({ stream, group }, (lost?.lastAt.getTime() ?? 0) / 1_000);
    }
    this.lastRun.set((recovery.lastSuccessAt?.getTime() ?? 0) / 1_000);
  }
}

function thresholdRows({ lag, oldestPendingMs, deadLetters }: Thresholds): [string, string, number][] {
  return [
    ['order_streams_lag_threshold', 'LAG_ALERT: the lag above which there is an alert', lag],
    [
      'order_streams_oldest_pending_age_threshold_seconds',
      'OLDEST_PENDING_ALERT_MS: the age above which there is an alert',
      oldestPendingMs / 1_000,
    ],
    [
      'order_streams_dead_letters_threshold',
      'DEAD_LETTER_ALERT: how many new dead letters there is an alert from',
      deadLetters,
    ],
  ];
}
