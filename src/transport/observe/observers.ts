import { context } from '@opentelemetry/api';
import type { TransportEvents, DeliveryEvent, FailedEvent, SettledEvent } from './transport-events.js';
import { performance } from 'node:perf_hooks';
import type { Delivery } from '../entry/delivery.js';
import { inOwnContext } from './own-context.js';

type Listener<K extends keyof TransportEvents> = TransportEvents[K];

/** Emits to listeners what happens to entries; costs nothing where nobody listens. */
export class Observers {
  private readonly listeners: { [K in keyof TransportEvents]: Listener<K>[] } = {
    received: [],
    processed: [],
    duplicate: [],
    'duplicate-waiting': [],
    'commit-refused': [],
    failed: [],
    'retry-scheduled': [],
    'put-off': [],
    'intake-paused': [],
    'intake-resumed': [],
    'dead-lettered': [],
    'dead-letter-failed': [],
    skipped: [],
    'replay-fields-ignored': [],
    'headers-left-out': [],
    reclaimed: [],
    vanished: [],
    lost: [],
    'group-remade': [],
    'group-set-back': [],
    'clock-set-back': [],
    trimmed: [],
    'loop-blocked': [],
    'slots-exhausted': [],
    'stale-group': [],
  };

  /** @param onListenerError - called when a listener throws; delivery goes on */
  constructor(private readonly onListenerError: (error: unknown) => void) {}

  add<K extends keyof TransportEvents>(event: K, listener: Listener<K>): void {
    const listeners = this.listeners[event] as Listener<K>[] | undefined;
    if (listeners === undefined) {
      throw new TypeError(
        `There is no event "${event}"; there are ${Object.keys(this.listeners).join(', ')}`,
      );
    }
    listeners.push(listener);
  }

  /** Whether somebody listens: on the hot path even the function that makes an event is worth saving. */
  hasAny(name: keyof TransportEvents): boolean {
    return this.listeners[name].length > 0;
  }

  /** @param event - makes the event, called only when somebody listens */
  emit<K extends keyof TransportEvents>(name: K, event: () => Parameters<Listener<K>>[0]): void {
    const listeners = this.listeners[name] as ((event: unknown) => unknown)[];
    if (listeners.length === 0) return;
    const value = event();
    // What listeners log belongs to the span in which the event happens; nothing else of that context is theirs.
    const active = context.active();
    for (const listener of listeners) {
      try {
        // A listener may be an async function although its result is not awaited.
        const result = inOwnContext(() => context.with(active, listener, undefined, value));
        if (result instanceof Promise) result.catch(this.onListenerError);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }
}

/** A delivery as observers see it, with what is known of its end. */
export function eventOf(delivery: Delivery): DeliveryEvent | SettledEvent | FailedEvent {
  if (delivery.failure) return failedEvent(delivery);
  return delivery.startedAt === undefined ? deliveryEvent(delivery) : settledEvent(delivery);
}

/** A delivery whose handler was not called, or not yet. */
export function deliveryEvent(delivery: Delivery): DeliveryEvent {
  const { pattern, stream, group, consumer } = delivery.source;
  const { id: entryId, deliveryCount, retry, replays, headers, payload } = delivery;
  return { pattern, stream, group, consumer, entryId, deliveryCount, retry, replays, headers, payload };
}

/** A delivery that ended. Written out: a spread costs a microsecond for each. */
export function settledEvent(delivery: Delivery): SettledEvent {
  const { pattern, stream, group, consumer } = delivery.source;
  const { id: entryId, deliveryCount, retry, replays, headers, payload } = delivery;
  const { startedAt, finishedAt = performance.now() } = delivery;
  const durationMs = startedAt === undefined ? 0 : finishedAt - startedAt;
  return {
    pattern,
    stream,
    group,
    consumer,
    entryId,
    deliveryCount,
    retry,
    replays,
    headers,
    payload,
    durationMs,
  };
}

/** A delivery that failed; the same object each time. */
export function failedEvent(delivery: Delivery): FailedEvent {
  const { failure } = delivery;
  if (!failure) throw new Error(`Entry ${delivery.id} has not failed`);
  const { error, original, durationMs } = failure;
  const thrownFirst = original === undefined ? {} : { original };
  failure.event ??= Object.assign(deliveryEvent(delivery), { durationMs, error, ...thrownFirst });
  return failure.event as FailedEvent;
}
