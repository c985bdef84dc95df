import type { DeadLettering } from '../broker/settlement.js';
import type { SettlementBroker } from '../broker/stream-broker.js';
import { failedEvent } from '../observe/delivery-events.js';
import type { Observers } from '../observe/observers.js';
import { deadLetterFields } from '../protocol/dead-letter-fields.js';
import type { DeadLetterReason } from '../protocol/dead-letter-reason.js';
import { refOf, type Delivery } from '../protocol/delivery.js';
import { settlementWrites, type SettlementHook } from './settlement-hook.js';
import type { SettlementSteps } from './settlement-steps.js';

/** What moving an entry to the dead-letter stream takes. */
export interface DeadLetteringParts {
  readonly broker: Pick<SettlementBroker, 'deadLetter'>;
  readonly observers: Observers;
  readonly steps: SettlementSteps;
  readonly hook: () => SettlementHook | undefined;
  /** Called with what the hook throws. */
  readonly onFailure: (error: unknown) => void;
}

/** How it ended, and the reason that the dead letter gives. */
export interface DeadLettered extends DeadLettering {
  readonly reason: DeadLetterReason;
}

/**
 * Moves an entry to the dead-letter stream, from what is held of it where the stream has lost it.
 *
 * @returns undefined when the process ends before Redis has answered
 */
export async function moveToDeadLetters(
  delivery: Delivery,
  reason: DeadLetterReason,
  parts: DeadLetteringParts,
): Promise<DeadLettered | undefined> {
  const moved = await write(delivery, reason, [], parts);
  if (moved?.settlement !== 'vanished') return moved && { ...moved, reason };
  parts.observers.tell('vanished', () => ({ ...delivery.source, entryIds: [delivery.id] }));
  const saved = await write(delivery, 'vanished', delivery.entry.parts, parts);
  return saved && { ...saved, reason: 'vanished' };
}

function write(
  delivery: Delivery,
  reason: DeadLetterReason,
  held: readonly (string | Buffer)[],
  { broker, steps, hook, onFailure }: DeadLetteringParts,
): Promise<DeadLettering | undefined> {
  const { holding, replays, source } = delivery;
  const failed = failedEvent(delivery);
  const writes = settlementWrites(hook(), failed, { action: 'dead-letter', reason }, onFailure);
  const added = deadLetterFields({ ...failed, consumer: holding.owner, reason, failedAt: new Date() });
  return steps.untilTaken((usable) =>
    broker.deadLetter(source.stream, {
      ...holding,
      ...{ entry: refOf(delivery), replays, added, held, writes: usable ? writes : [] },
    }),
  );
}
