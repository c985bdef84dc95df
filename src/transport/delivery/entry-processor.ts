import { performance } from 'node:perf_hooks';
import type { Observers } from '../observe/observers.js';
import type { FailedEvent } from '../observe/transport-events.js';
import { decodeEntry } from '../protocol/entry-decoder.js';
import { replayGroupOf } from '../protocol/replay-group.js';
import type { Acknowledger } from './acknowledger.js';
import { describeDelivery } from './describe-delivery.js';
import type { HeldEntry } from './held-entry.js';
import { ReceivedEvent, type Source } from './received-event.js';
import type { Settler } from './settler.js';

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
  /** Limit on an entry's names and values together, in bytes. */
  readonly maxEntryBytes: number;
}

/** How a delivery ended: `acknowledging` is under way, `settled`, or `ignored` because somebody else settles it. */
export type ProcessingEnd = 'acknowledging' | 'settled' | 'ignored';

/** The way of one delivery, fresh, retried or reclaimed: decode, dispatch, decide, settle. */
export class EntryProcessor {
  constructor(private readonly parts: ProcessorParts) {}

  /** Never rejects. */
  async process(held: HeldEntry): Promise<ProcessingEnd> {
    const { source, dispatch, acknowledger, observers, maxEntryBytes } = this.parts;
    const limit = source.isDeadLetterStream ? maxEntryBytes + DIAGNOSIS_BYTES : maxEntryBytes;
    const replayGroup = source.isDeadLetterStream ? undefined : replayGroupOf(held.delivery.entry);
    if (replayGroup !== undefined && replayGroup !== source.group) return this.skip(held, replayGroup);
    let event: ReceivedEvent;
    try {
      event = new ReceivedEvent(source, held.delivery, decodeEntry(held.delivery.entry, limit));
    } catch (error) {
      return this.fail(held, error);
    }
    held.event = event;
    observers.tell('received', () => describeDelivery(source, held.delivery, event));
    held.startedAt = performance.now();
    try {
      await dispatch(event);
    } catch (error) {
      return this.fail(held, error);
    }
    if (!held.takeOutcome()) return 'ignored';
    observers.tell('processed', () => ({
      ...describeDelivery(source, held.delivery, event),
      durationMs: performance.now() - (held.startedAt ?? 0),
    }));
    await acknowledger.acknowledge(held.id);
    return 'acknowledging';
  }

  /** Another group failed at the entry and was given it again; here it was done. */
  private async skip(held: HeldEntry, replayGroup: string): Promise<ProcessingEnd> {
    if (!held.takeOutcome()) return 'ignored';
    const { source, observers, acknowledger } = this.parts;
    observers.tell('skipped', () => ({ ...source, entryId: held.id, replayGroup }));
    await acknowledger.acknowledge(held.id);
    return 'acknowledging';
  }

  /** Treats a delivery as failed, whatever its handler is still doing. Never rejects. */
  async fail(held: HeldEntry, error: unknown): Promise<ProcessingEnd> {
    if (!held.takeOutcome()) return 'ignored';
    const { source, observers, settler } = this.parts;
    const failed: FailedEvent = {
      ...describeDelivery(source, held.delivery, held.event),
      durationMs: held.startedAt === undefined ? 0 : performance.now() - held.startedAt,
      error,
    };
    observers.tell('failed', () => failed);
    await settler.settleFailure(held.delivery, failed);
    return 'settled';
  }
}
