import type { DeadLettering } from '../broker/settlement.js';
import type { SettlementBroker } from '../broker/stream-broker.js';
import type { Observers } from '../observe/observers.js';
import type { FailedEvent } from '../observe/transport-events.js';
import { deadLetterFields } from '../protocol/dead-letter-fields.js';
import type { DeadLetterReason } from '../protocol/dead-letter-reason.js';
import type { Delivery } from '../protocol/entry.js';
import type { DeliveryTracing, WrittenLetter } from '../tracing/delivery-tracing.js';
import type { Source } from './received-event.js';
import { refOf } from './ref-of.js';
import { settlementWrites, type SettlementHook } from './settlement-hook.js';
import type { SettlementSteps } from './settlement-steps.js';

/** What a writer of dead letters works with. */
export interface DeadLetterWriterParts {
  readonly source: Source;
  readonly broker: Pick<SettlementBroker, 'deadLetter'>;
  readonly observers: Observers;
  readonly tracing: DeliveryTracing;
  readonly steps: SettlementSteps;
  readonly hook: () => SettlementHook | undefined;
  /** Told what the hook throws. */
  readonly onFailure: (error: unknown) => void;
}

/** Whose pending entry is dead-lettered, and how long it must have been idle. */
export interface Fence {
  readonly owner: string;
  readonly leastIdleMs: number;
}

/** Moves entries to the dead-letter stream, from what is held of them where the stream has lost them. */
export class DeadLetterWriter {
  constructor(private readonly parts: DeadLetterWriterParts) {}

  /** @returns whether the entry was ended, be it as a duplicate */
  async write(
    delivery: Delivery,
    failed: FailedEvent,
    reason: DeadLetterReason,
    fence: Fence,
  ): Promise<boolean> {
    const { observers, tracing } = this.parts;
    const written = await tracing.deadLetter(delivery, () => this.move(delivery, failed, reason, fence));
    if (!written) return false;
    if (written === 'duplicate') observers.tell('duplicate', () => failed);
    else observers.tell('dead-lettered', () => ({ ...failed, ...written }));
    return true;
  }

  /** @returns what was written; nothing when somebody else settled the entry, or its step was prevented */
  private async move(
    delivery: Delivery,
    failed: FailedEvent,
    reason: DeadLetterReason,
    fence: Fence,
  ): Promise<WrittenLetter | 'duplicate' | undefined> {
    const { observers, source } = this.parts;
    let told = reason;
    let written = await this.writeDeadLetter(delivery, failed, told, fence, []);
    if (written?.settlement === 'vanished') {
      told = 'vanished';
      observers.tell('vanished', () => ({ ...source, entryIds: [failed.entryId] }));
      written = await this.writeDeadLetter(delivery, failed, told, fence, delivery.entry.parts);
    }
    if (written?.settlement === 'duplicate') return 'duplicate';
    if (written?.settlement !== 'done') return undefined;
    const { deadLetterId } = written;
    return { reason: told, ...(deadLetterId === undefined ? {} : { deadLetterId }) };
  }

  private writeDeadLetter(
    delivery: Delivery,
    failed: FailedEvent,
    reason: DeadLetterReason,
    fence: Fence,
    held: readonly (string | Buffer)[],
  ): Promise<DeadLettering | undefined> {
    const { broker, source, hook, onFailure, steps } = this.parts;
    const writes = settlementWrites(hook(), failed, { action: 'dead-letter', reason }, onFailure);
    const added = deadLetterFields({ ...failed, consumer: fence.owner, reason, failedAt: new Date() });
    return steps.untilTaken((usable) =>
      broker.deadLetter(source.stream, {
        ...fence,
        entry: refOf(delivery),
        replays: failed.replays,
        added,
        held,
        writes: usable ? writes : [],
      }),
    );
  }
}
