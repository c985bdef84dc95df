import { performance } from 'node:perf_hooks';
import type { CommitAnswer } from '../broker/settlement.js';
import type { Observers } from '../observe/observers.js';
import type { FailedEvent, SettledEvent } from '../observe/transport-events.js';
import { decodeEntry } from '../protocol/entry-decoder.js';
import { CommitRefusedError } from '../protocol/errors/commit-refused.error.js';
import type { StreamNaming } from '../protocol/stream-key.js';
import type { Acknowledger } from './acknowledger.js';
import type { Committer } from './committer.js';
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
  readonly naming: StreamNaming;
  readonly dispatch: Dispatch;
  readonly acknowledger: Acknowledger;
  readonly committer: Committer<HeldEntry>;
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
    const { source, naming, dispatch, observers, maxEntryBytes } = this.parts;
    const limit = source.isDeadLetterStream ? maxEntryBytes + DIAGNOSIS_BYTES : maxEntryBytes;
    let event: ReceivedEvent;
    try {
      event = new ReceivedEvent(source, held.delivery, decodeEntry(held.delivery.entry, limit), naming);
    } catch (error) {
      return this.fail(held, error);
    }
    held.event = event;
    observers.tell('received', () => describeDelivery(source, held.delivery, event));
    held.startedAt = performance.now();
    try {
      await dispatch(event);
    } catch (error) {
      event.end();
      return this.fail(held, error);
    }
    event.end();
    if (!held.takeOutcome()) return 'ignored';
    held.finishedAt = performance.now();
    await this.succeed(held, event);
    return 'acknowledging';
  }

  /** Treats a delivery as failed, whatever its handler is still doing. Never rejects. */
  async fail(held: HeldEntry, error: unknown): Promise<ProcessingEnd> {
    if (!held.takeOutcome()) return 'ignored';
    await this.parts.settler.settleFailure(held.delivery, this.failed(held, error));
    return 'settled';
  }

  /** Goes on with a delivery whose commit was answered. */
  async committed(held: HeldEntry, answer: CommitAnswer): Promise<void> {
    const { observers, settler } = this.parts;
    if (answer === 'done' || answer === 'duplicate') {
      this.tellSuccess(held, answer === 'duplicate');
      return;
    }
    if (typeof answer === 'object') {
      const refused = new CommitRefusedError(held.id, answer.refused);
      return settler.settleFailure(held.delivery, this.failed(held, refused));
    }
    observers.tell('commit-refused', () => ({ ...this.settled(held), settlement: answer }));
    if (answer === 'superseded') {
      const refused = new CommitRefusedError(held.id, 'another delivery has taken its marker over');
      return settler.settleFailure(held.delivery, this.failed(held, refused));
    }
    if (answer === 'vanished') {
      const refused = new CommitRefusedError(held.id, 'the entry was deleted while its handler ran');
      return settler.settleVanished(held.delivery, this.failed(held, refused));
    }
  }

  private async succeed(held: HeldEntry, event: ReceivedEvent): Promise<void> {
    const { acknowledger, committer } = this.parts;
    const { transaction, guard } = event;
    if (transaction || guard) {
      const { id, deliveryCount } = held;
      const writes = transaction?.list() ?? [];
      const emits = transaction?.emits ?? [];
      const commit = { entry: { id, deliveryCount }, writes, emits, guard };
      await committer.commit(held, commit, transaction?.bytes ?? 0);
    } else {
      this.tellSuccess(held, false);
      await acknowledger.acknowledge(held.id);
    }
  }

  private tellSuccess(held: HeldEntry, wasPrevented: boolean): void {
    const isDuplicate = wasPrevented || held.event?.isDuplicate === true;
    this.parts.observers.tell(isDuplicate ? 'duplicate' : 'processed', () => this.settled(held));
  }

  private settled(held: HeldEntry): SettledEvent {
    const { startedAt, finishedAt = performance.now() } = held;
    return {
      ...describeDelivery(this.parts.source, held.delivery, held.event),
      durationMs: startedAt === undefined ? 0 : finishedAt - startedAt,
    };
  }

  private failed(held: HeldEntry, error: unknown): FailedEvent {
    const failed = { ...this.settled(held), error };
    this.parts.observers.tell('failed', () => failed);
    return failed;
  }
}
