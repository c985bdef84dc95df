import { performance } from 'node:perf_hooks';
import type { Delivery } from '../entry/delivery.js';
import type { DeliveryEvent, FailedEvent, SettledEvent } from './transport-events.js';

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
  const { error, durationMs } = failure;
  failure.event ??= Object.assign(deliveryEvent(delivery), { durationMs, error });
  return failure.event as FailedEvent;
}
