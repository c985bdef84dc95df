import { deadLetterFields, type DeadLetterReason } from '../entry/dead-letter-fields.js';
import { refOf, type Delivery } from '../entry/delivery.js';
import { failedEvent, type Observers } from '../observe/observers.js';
import type { DeliveryTracing, EndFacts } from '../observe/delivery-tracing.js';
import type { DeadLetterEnding, DeferEnding, RetryEnding } from '../policy/ending.js';
import type { RecoveryBroker, SettlementBroker } from '../redis/port.js';
import type { DeadLettering, Settlement } from '../redis/settlement.js';
import { settlementWrites, type SettlementHook } from './application-hooks.js';
import type { WrittenEnding } from './ending-events.js';
import type { SettlementSteps } from './settlement-steps.js';

/** What writing an ending takes. */
export interface WriteParts {
  readonly broker: SettlementBroker & Pick<RecoveryBroker, 'unmarkAlone'>;
  readonly steps: SettlementSteps;
  readonly observers: Observers;
  readonly tracing: DeliveryTracing;
  readonly hook: () => SettlementHook | undefined;
  readonly maxRetryDelayMs: number;
  /** How long a handler may run, in milliseconds; 0 for ever. */
  readonly handlerTimeoutMs: number;
  /** Called with what the hook throws. */
  readonly onFailure: (error: unknown) => void;
}

/** What Redis answered, and what is to be said of it. */
export interface Written {
  readonly settlement: Settlement;
  readonly facts: EndFacts;
}

/**
 * Writes what becomes of a delivery that is not acknowledged as handled, each in one fenced step.
 *
 * @returns undefined when the process ends before Redis has answered
 */
export async function writeEnding(
  delivery: Delivery,
  ending: WrittenEnding,
  parts: WriteParts,
): Promise<Written | undefined> {
  const { steps, broker } = parts;
  switch (ending.action) {
    case 'retry':
      return written(await retry(delivery, ending, parts), { delayMs: ending.delayMs });
    case 'defer':
      return written(await defer(delivery, ending, parts), factsOf(ending));
    case 'dead-letter':
      return parts.tracing.deadLetter(delivery, () => deadLetter(delivery, ending, parts));
    case 'drop': {
      const { source, holding } = delivery;
      const settle = (): Promise<Settlement> => broker.settle(source.stream, refOf(delivery), holding.owner);
      return written(await steps.untilTaken(settle), {});
    }
  }
}

function retry(
  delivery: Delivery,
  { delayMs, streak }: RetryEnding,
  { broker, steps, hook, onFailure }: WriteParts,
): Promise<Settlement | undefined> {
  const { stream } = delivery.source;
  const failed = failedEvent(delivery);
  const writes = settlementWrites(hook(), failed, { action: 'retry', delayMs }, onFailure);
  const streakWrites = streak ? broker.errorStreakWrites(stream, delivery.id, streak, delayMs) : [];
  return steps.untilTaken((usable) =>
    broker.park(stream, refOf(delivery), delayMs, usable ? [...writes, ...streakWrites] : streakWrites),
  );
}

async function defer(
  delivery: Delivery,
  { delayMs, putOff }: DeferEnding,
  { broker, steps, maxRetryDelayMs, handlerTimeoutMs }: WriteParts,
): Promise<Settlement | undefined> {
  const { stream } = delivery.source;
  const entry = refOf(delivery);
  // What waits for longer than that counts as due at once, and would go to and fro without a pause.
  const waitMs = Math.min(delayMs, maxRetryDelayMs);
  // Its next delivery has the same count and runs with others: it must not look like this one.
  if (delivery.runsAlone || putOff) await steps.untilTaken(() => broker.unmarkAlone(stream, entry));
  const released = await steps.untilTaken(() =>
    putOff
      ? broker.putOff(stream, entry, waitMs, { ...putOff.putOffs, longestRunMs: handlerTimeoutMs })
      : broker.release(stream, [entry], waitMs),
  );
  if (released === undefined) return undefined;
  return released === 1 ? 'done' : 'gone';
}

/** Moves an entry to the dead-letter stream, from what is held of it where the stream has lost it. */
async function deadLetter(
  delivery: Delivery,
  { reason }: DeadLetterEnding,
  parts: WriteParts,
): Promise<Written | undefined> {
  const moved = await move(delivery, reason, [], parts);
  if (moved?.settlement !== 'vanished') return lettered(moved, reason);
  parts.observers.emit('vanished', () => ({ ...delivery.source, entryIds: [delivery.id] }));
  return lettered(await move(delivery, 'vanished', delivery.entry.parts, parts), 'vanished');
}

function move(
  delivery: Delivery,
  reason: DeadLetterReason,
  held: readonly (string | Buffer)[],
  { broker, steps, hook, onFailure }: WriteParts,
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

function lettered(moved: DeadLettering | undefined, reason: DeadLetterReason): Written | undefined {
  if (!moved) return undefined;
  const { settlement, deadLetterId } = moved;
  return { settlement, facts: { reason, ...(deadLetterId !== undefined && { deadLetterId }) } };
}

function written(settlement: Settlement | undefined, facts: EndFacts): Written | undefined {
  return settlement && { settlement, facts };
}

function factsOf({ delayMs, putOff }: DeferEnding): EndFacts {
  return { delayMs, ...(putOff && { reason: putOff.reason, times: putOff.putOffs.times }) };
}
