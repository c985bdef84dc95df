import type { EntryRef } from '../broker/settlement.js';
import type { RecoveryBroker, SettlementBroker } from '../broker/stream-broker.js';
import type { Observers } from '../observe/observers.js';
import type { FailedEvent, PutOffEvent } from '../observe/transport-events.js';
import type { Decision, Failure } from '../policy/decide.js';
import { continueStreak, type ErrorStreak } from '../policy/error-streak.js';
import type { PutOffs } from '../policy/put-off.js';
import { troubleOf } from '../policy/trouble.js';
import { nameOf } from '../protocol/dead-letter-fields.js';
import { HandlerTimeoutError } from '../protocol/errors/handler-timeout.error.js';
import type { DeadLetterReason } from '../protocol/dead-letter-reason.js';
import type { Delivery } from '../protocol/entry.js';
import type { DeliveryTracing } from '../tracing/delivery-tracing.js';
import { verdictOf, type DeadLetterArbiter, type DeadLetterVerdict } from './dead-letter-arbiter.js';
import { DeadLetterWriter, type Fence } from './dead-letter-writer.js';
import type { OncePerKey } from './once-per-key.js';
import type { Source } from './received-event.js';
import { refOf } from './ref-of.js';
import { decideSafely, delaySafely, type DecisionParts } from './safe-decision.js';
import { settlementWrites, type SettlementHook } from './settlement-hook.js';
import { SettlementSteps } from './settlement-steps.js';

/** What a settler works with. */
export interface SettlerParts extends DecisionParts {
  readonly source: Source;
  readonly broker: SettlementBroker & Pick<RecoveryBroker, 'unmarkAlone'>;
  readonly observers: Observers;
  readonly tracing: DeliveryTracing;
  readonly hook: () => SettlementHook | undefined;
  readonly arbiter: () => DeadLetterArbiter | undefined;
  /** Of a handler that is called once for each key. */
  readonly once?: Pick<OncePerKey, 'giveUp'> | undefined;
  /** Told when Redis refuses a step, which is tried again, and of what else goes wrong beside the handler. */
  readonly onFailure: (error: unknown) => void;
  /** Told what an entry is put off for. */
  readonly onTrouble: (error: unknown) => void;
  /** Says whether Redis was in trouble within the last milliseconds. */
  readonly wasInTrouble: (withinMs: number) => Promise<boolean>;
}

/** How an abandoned entry ended: `retry` means that it wants to be run once more, `left` that it stays as it is. */
export type AbandonedEnd = 'ended' | 'retry' | 'left';

/** Carries out what becomes of an entry after a failure. Trouble of Redis is no failure of the handler: it tries on. */
export class Settler {
  private readonly steps: SettlementSteps;
  private readonly letters: DeadLetterWriter;

  constructor(private readonly parts: SettlerParts) {
    this.steps = new SettlementSteps(parts.onFailure);
    this.letters = new DeadLetterWriter({ ...parts, steps: this.steps });
  }

  /**
   * Settles a failed delivery; the entry is not ours any more then, unless Redis never took the step.
   *
   * @param storeAsksMs - the pause that an idempotency store asks for that could not be used: then its handler was not
   * called, and the entry is put off whatever the classifier says
   */
  async settleFailure(delivery: Delivery, failed: FailedEvent, storeAsksMs?: number): Promise<void> {
    const { source, policy } = this.parts;
    const { error, entryId, durationMs } = failed;
    const hungByRedis = error instanceof HandlerTimeoutError && (await this.parts.wasInTrouble(durationMs));
    const streak = policy.resetOnErrorChange ? await this.streakOf(failed) : undefined;
    const retry = failed.retry - (streak?.beganAtRetry ?? 0);
    const fromDeadLetters = source.isDeadLetterStream;
    const failure = { entryId, retry, error, fromDeadLetters, storeAsksMs, hungByRedis };
    const decision = decideSafely(failure, this.parts);
    if (decision.action === 'put-off') return this.putOffFailed(delivery, failed, failure, streak);
    return this.carryOut(decision, delivery, failed, streak);
  }

  private async carryOut(
    decision: Exclude<Decision, { action: 'put-off' }>,
    delivery: Delivery,
    failed: FailedEvent,
    streak: ErrorStreak | undefined,
  ): Promise<void> {
    switch (decision.action) {
      case 'park':
        return this.park(delivery, failed, decision.delayMs, streak);
      case 'settle':
        await this.settle(delivery, failed, this.parts.source.consumer);
        return;
      case 'dead-letter':
        return this.endFailed(delivery, failed, decision.reason);
    }
  }

  /** Ends an entry that another consumer was given and abandoned. */
  endAbandoned(delivery: Delivery, failed: FailedEvent, fence: Fence): Promise<AbandonedEnd> {
    return this.parts.tracing.abandoned(delivery, () => this.endUnrun(delivery, failed, fence));
  }

  private async endUnrun(delivery: Delivery, failed: FailedEvent, fence: Fence): Promise<AbandonedEnd> {
    const { isDeadLetterStream } = this.parts.source;
    const verdict = isDeadLetterStream ? 'dead-letter' : await this.verdictOn(delivery, failed, 'abandoned');
    if (verdict === 'retry') return 'retry';
    if (verdict === undefined) return 'left';
    let ended: boolean;
    if (verdict === 'acknowledge') ended = await this.endDuplicate(delivery, failed, fence.owner);
    else if (isDeadLetterStream) ended = await this.settle(delivery, failed, fence.owner);
    else ended = await this.letters.write(delivery, failed, 'abandoned', fence);
    return ended ? 'ended' : 'left';
  }

  /**
   * Ends an entry that was deleted from the stream while its handler ran, from what is held of it. It cannot be tried
   * again, so the arbiter is asked until it decides.
   */
  async settleVanished(delivery: Delivery, failed: FailedEvent): Promise<void> {
    const { isDeadLetterStream, consumer } = this.parts.source;
    if (isDeadLetterStream) {
      await this.settle(delivery, failed, consumer);
      return;
    }
    const verdict = await this.steps.untilTaken(async () => {
      const said = await this.judge(delivery, failed, 'vanished');
      if (said === 'retry') throw new Error(`The entry ${failed.entryId} was deleted and cannot be retried`);
      return said;
    });
    if (verdict === 'acknowledge') await this.endDuplicate(delivery, failed, consumer);
    if (verdict !== 'dead-letter') return;
    await this.letters.write(delivery, failed, 'vanished', { owner: consumer, leastIdleMs: 0 });
  }

  /**
   * Hands an entry back that no handler works on, for another try after a while; no delivery is charged.
   *
   * @param putOffs - what is to be remembered, where trouble is the reason
   * @returns whether it was still ours
   */
  async putOff(
    { id, deliveryCount, runsAlone }: EntryRef & { readonly runsAlone: boolean },
    delayMs: number,
    putOffs?: PutOffs,
  ): Promise<boolean> {
    const { broker, source, maxRetryDelayMs, policy } = this.parts;
    const entry = { id, deliveryCount };
    // What waits for longer than that counts as due at once, and would go to and fro without a pause.
    const waitMs = Math.min(delayMs, maxRetryDelayMs);
    // Its next delivery has the same count and runs beside others: it must not look like this one.
    if (runsAlone) await this.steps.untilTaken(() => broker.unmarkAlone(source.stream, entry));
    const released = await this.steps.untilTaken(() =>
      putOffs
        ? broker.putOff(source.stream, entry, waitMs, { ...putOffs, longestRunMs: policy.handlerTimeoutMs })
        : broker.release(source.stream, [entry], waitMs),
    );
    return released === 1;
  }

  /** Puts an entry off, unless it was put off for long enough: then it is treated as any other failure. */
  private async putOffFailed(
    delivery: Delivery,
    failed: FailedEvent,
    failure: Failure,
    streak: ErrorStreak | undefined,
  ): Promise<void> {
    const { broker, source, observers, tracing, onTrouble } = this.parts;
    const { entryId, error, durationMs } = failed;
    onTrouble(error);
    const before = await this.steps.untilTaken(() => broker.readPutOffs(source.stream, entryId));
    if (!before) return;
    const decision = decideSafely({ ...failure, putOffs: before }, this.parts);
    if (decision.action !== 'put-off') return this.carryOut(decision, delivery, failed, streak);
    const { delayMs } = decision;
    const putOffs = { times: before.times + 1, forMs: before.forMs + delayMs + durationMs };
    // Where it did not run alone there is no mark, and taking it away changes nothing.
    if (!(await this.putOff({ ...refOf(delivery), runsAlone: true }, delayMs, putOffs))) return;
    tracing.dueAgain(delivery, 'put-off', delayMs);
    const reason = reasonOf(failure);
    observers.tell('put-off', () => ({ ...failed, delayMs, reason, times: putOffs.times }));
  }

  /** Stops trying; what is not settled stays pending. */
  giveUp(): void {
    this.steps.giveUp();
  }

  private async streakOf({ entryId, error, retry }: FailedEvent): Promise<ErrorStreak | undefined> {
    const { broker, source } = this.parts;
    const before = await this.steps.untilTaken(() => broker.readErrorStreak(source.stream, entryId));
    return continueStreak(before, nameOf(error), retry);
  }

  private async park(
    delivery: Delivery,
    failed: FailedEvent,
    delayMs: number,
    streak: ErrorStreak | undefined,
  ): Promise<void> {
    const { broker, source, observers, tracing, hook, onFailure } = this.parts;
    const writes = settlementWrites(hook(), failed, { action: 'retry', delayMs }, onFailure);
    const streakWrites = streak
      ? broker.errorStreakWrites(source.stream, failed.entryId, streak, delayMs)
      : [];
    const settlement = await this.steps.untilTaken((usable) =>
      broker.park(
        source.stream,
        refOf(delivery),
        delayMs,
        usable ? [...writes, ...streakWrites] : streakWrites,
      ),
    );
    if (settlement === 'vanished') {
      await this.settleVanished(delivery, failed);
    } else if (settlement === 'done') {
      tracing.dueAgain(delivery, 'retry-scheduled', delayMs);
      observers.tell('retry-scheduled', () => ({ ...failed, delayMs }));
    } else if (settlement === 'duplicate') {
      tracing.settled(delivery, 'duplicate');
      observers.tell('duplicate', () => failed);
    }
  }

  /** Dead-letters an entry of ours, unless the arbiter will not have it. */
  private async endFailed(delivery: Delivery, failed: FailedEvent, reason: DeadLetterReason): Promise<void> {
    const { consumer } = this.parts.source;
    switch (await this.verdictOn(delivery, failed, reason)) {
      case 'dead-letter':
        await this.letters.write(delivery, failed, reason, { owner: consumer, leastIdleMs: 0 });
        return;
      case 'acknowledge':
        await this.endDuplicate(delivery, failed, consumer);
        return;
      default:
        return this.park(delivery, failed, delaySafely(failed, this.parts), undefined);
    }
  }

  /** @returns undefined when the arbiter cannot say at present */
  private async verdictOn(
    delivery: Delivery,
    failed: FailedEvent,
    reason: DeadLetterReason,
  ): Promise<DeadLetterVerdict | undefined> {
    try {
      return await this.judge(delivery, failed, reason);
    } catch (error) {
      this.parts.onFailure(error);
      return undefined;
    }
  }

  private judge(
    { entry }: Delivery,
    failed: FailedEvent,
    reason: DeadLetterReason,
  ): Promise<DeadLetterVerdict> {
    const { arbiter, once } = this.parts;
    return verdictOf(failed, reason, arbiter(), once && (() => once.giveUp(failed, entry)));
  }

  private async endDuplicate(delivery: Delivery, failed: FailedEvent, owner: string): Promise<boolean> {
    const { broker, source, observers, tracing } = this.parts;
    const settlement = await this.steps.untilTaken(() =>
      broker.settle(source.stream, refOf(delivery), owner),
    );
    if (settlement !== 'done') return false;
    tracing.settled(delivery, 'duplicate');
    observers.tell('duplicate', () => failed);
    return true;
  }

  private async settle(delivery: Delivery, failed: FailedEvent, owner: string): Promise<boolean> {
    const { broker, source, observers, tracing } = this.parts;
    const settlement = await this.steps.untilTaken(() =>
      broker.settle(source.stream, refOf(delivery), owner),
    );
    if (settlement !== 'done') return false;
    tracing.settled(delivery, 'dead-letter-failed');
    observers.tell('dead-letter-failed', () => failed);
    return true;
  }
}

function reasonOf({ error, hungByRedis, storeAsksMs }: Failure): PutOffEvent['reason'] {
  if (hungByRedis === true) return 'redis';
  return troubleOf(error) ?? (storeAsksMs === undefined ? 'classifier' : 'dependency');
}
