import { performance } from 'node:perf_hooks';
import type { Observers } from '../observe/observers.js';
import type { FailedEvent } from '../observe/transport-events.js';
import { decodeEntry } from '../protocol/entry-decoder.js';
import type { Acknowledger } from './acknowledger.js';
import { describeDelivery } from './describe-delivery.js';
import type { HeldEntry } from './held-entry.js';
import { ReceivedEvent, type Source } from './received-event.js';
import type { Settler } from './settler.js';
import type { DeliveryTracing } from '../tracing/delivery-tracing.js';

/** What dead-lettering adds to an entry at most, in bytes. */
const DIAGNOSIS_BYTES = 65_536;

/** Gives an event to its handler; resolves when the handler finished, rejects with what it threw. */
export type Dispatch = (event: ReceivedEvent) => Promise<void>;

/** What a processor works with. */
export interface ProcessorParts {
  readonly source: Source;
  readonly dispatch: Dispatch;
  readonly acknowledger: Acknowledger;
  readonly settler: Settler;
  readonly observers: Observers;
  readonly tracing: DeliveryTracing;
  /** Limit on an entry's names and values together, in bytes. */
  readonly maxEntryBytes: number;
}

/** How a delivery ended: `acknowledging` is under way, `settled`, or `ignored` because somebody else settles it. */
export type ProcessingEnd = 'acknowledging' | 'settled' | 'ignored';

/** The way of one delivery, fresh, retried or reclaimed: decode, dispatch, decide, settle. */
export class EntryProcessor {
  constructor(private readonly parts: ProcessorParts) {}

  /** Never rejects. */
  process(held: HeldEntry): Promise<ProcessingEnd> {
    return this.parts.tracing.attempt(held.delivery, () => this.run(held));
  }

  /** Treats a delivery as failed, whatever its handler is still doing. Never rejects. */
  async fail(held: HeldEntry, error: unknown): Promise<ProcessingEnd> {
    if (!held.takeOutcome()) return 'ignored';
    const { source, observers, settler, tracing } = this.parts;
    const failed: FailedEvent = {
      ...describeDelivery(source, held.delivery, held.event),
      durationMs: held.startedAt === undefined ? 0 : performance.now() - held.startedAt,
      error,
    };
    await tracing.failure(held.delivery, error, () => {
      observers.tell('failed', () => failed);
      return settler.settleFailure(held.delivery, failed);
    });
    return 'settled';
  }

  private async run(held: HeldEntry): Promise<ProcessingEnd> {
    const { source, dispatch, acknowledger, observers, tracing, maxEntryBytes } = this.parts;
    const limit = source.isDeadLetterStream ? maxEntryBytes + DIAGNOSIS_BYTES : maxEntryBytes;
    let event: ReceivedEvent;
    try {
      event = new ReceivedEvent(source, held.delivery, decodeEntry(held.delivery.entry, limit));
    } catch (error) {
      return this.fail(held, error);
    }
    held.event = event;
    tracing.received(held.delivery, event.retry);
    observers.tell('received', () => describeDelivery(source, held.delivery, event));
    held.startedAt = performance.now();
    try {
      await dispatch(event);
    } catch (error) {
      return this.fail(held, error);
    }
    if (!held.takeOutcome()) return 'ignored';
    tracing.settled(held.delivery, 'processed');
    observers.tell('processed', () => ({
      ...describeDelivery(source, held.delivery, event),
      durationMs: performance.now() - (held.startedAt ?? 0),
    }));
    held.letGo();
    const behind = acknowledger.acknowledge(held.id);
    if (behind) await behind;
    return 'acknowledging';
  }
}
