import { backoffDelay, type FailedAttempt } from '../policy/backoff.js';
import { decide, type FailureEnding, type Failure, type WaitLimits } from '../policy/decide.js';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../policy/retry-policy.js';
import type { SettlementBroker } from '../redis/port.js';
import { failedEvent } from '../observe/observers.js';
import type { Ending, RetryEnding } from '../policy/ending.js';
import { continueStreak, type ErrorStreak } from '../policy/error-streak.js';
import type { DeadLetterReason } from '../entry/dead-letter-fields.js';
import { nameOf } from '../entry/thrown.js';
import type { Delivery } from '../entry/delivery.js';
import { HandlerTimeoutError } from '../entry/errors.js';
import { verdictOf, type DeadLetterArbiter, type DeadLetterVerdict } from './application-hooks.js';
import type { OncePerKey } from './once-per-key.js';
import type { SettlementSteps } from './settlement-steps.js';

/** What decisions depend on; a classifier or backoff of the user may throw, then the defaults decide. */
export interface DecisionParts extends WaitLimits {
  readonly policy: RetryPolicy;
  /** Given what the user's functions throw. */
  readonly onFailure: (error: unknown) => void;
}

const { backoff: DEFAULT_BACKOFF } = DEFAULT_RETRY_POLICY;

/** What becomes of an entry after a failure. */
export function decideSafely(failure: Failure, parts: DecisionParts): FailureEnding {
  const { policy, onFailure } = parts;
  try {
    return decide(failure, policy, parts);
  } catch (thrown) {
    onFailure(thrown);
    return decide(failure, { ...policy, classify: undefined, backoff: DEFAULT_BACKOFF }, parts);
  }
}

/** The delay of a retry that nobody decided on by the policy, in milliseconds. */
export function delaySafely(failed: FailedAttempt, parts: DecisionParts): number {
  const { policy, maxRetryDelayMs, onFailure } = parts;
  try {
    return backoffDelay(policy.backoff, failed, maxRetryDelayMs);
  } catch (thrown) {
    onFailure(thrown);
    return backoffDelay(DEFAULT_BACKOFF, failed, maxRetryDelayMs);
  }
}

const LEAVE: Ending = { action: 'leave' };
const DUPLICATE: Ending = { action: 'drop', as: 'duplicate' };
const FAILED_LETTER: Ending = { action: 'drop', as: 'dead-letter-failed' };

/** What decisions are made of. */
export interface DeciderParts extends DecisionParts {
  readonly broker: Pick<SettlementBroker, 'readErrorStreak' | 'readPutOffs'>;
  readonly steps: SettlementSteps;
  readonly arbiter: () => DeadLetterArbiter | undefined;
  /** Of a handler that is called once for each key. */
  readonly once?: Pick<OncePerKey, 'giveUp'> | undefined;
  /** Called with what an entry is put off for. */
  readonly onTrouble: (...errors: readonly unknown[]) => void;
  /** Says whether Redis was in trouble within the last milliseconds. */
  readonly wasInTrouble: (withinMs: number) => Promise<boolean>;
}

/** Finds out what the retry policy has to know, and says what becomes of a delivery. It writes nothing. */
export class Decider {
  constructor(private readonly parts: DeciderParts) {}

  /**
   * @param storeAsksMs - the pause that an idempotency store asks for that could not be used: then its handler was not
   * called, and the entry is put off whatever the classifier says
   */
  async afterFailure(delivery: Delivery, storeAsksMs?: number): Promise<Ending> {
    const { policy, wasInTrouble, onTrouble, steps, broker } = this.parts;
    const { error, original, durationMs } = failedEvent(delivery);
    const hungByRedis = error instanceof HandlerTimeoutError && (await wasInTrouble(durationMs));
    const streak = policy.resetOnErrorChange ? await this.streakOf(delivery, error) : undefined;
    const failure: Failure = {
      entryId: delivery.id,
      retry: delivery.retry - (streak?.beganAtRetry ?? 0),
      error,
      original,
      atMs: Date.now(),
      durationMs,
      fromDeadLetters: delivery.source.isDeadLetterStream,
      storeAsksMs,
      hungByRedis,
    };
    let ending = decideSafely(failure, this.parts);
    if (ending.action === 'defer') {
      onTrouble(error, original);
      const putOffs = await steps.untilTaken(() => broker.readPutOffs(delivery.source.stream, delivery.id));
      if (!putOffs) return LEAVE;
      ending = decideSafely({ ...failure, putOffs }, this.parts);
    }
    if (ending.action === 'retry') return { ...ending, streak };
    return ending.action === 'dead-letter' ? this.condemn(delivery, ending.reason) : ending;
  }

  /**
   * Decides about an entry that was deleted from the stream while its handler ran. It cannot be tried again, so the
   * arbiter is asked until it decides.
   */
  async afterDeletion(delivery: Delivery): Promise<Ending> {
    if (delivery.source.isDeadLetterStream) return FAILED_LETTER;
    const verdict = await this.parts.steps.untilTaken(async () => {
      const said = await this.judge(delivery, 'vanished');
      if (said === 'retry') throw new Error(`The entry ${delivery.id} was deleted and cannot be retried`);
      return said;
    });
    if (verdict === undefined) return LEAVE;
    return verdict === 'acknowledge' ? DUPLICATE : { action: 'dead-letter', reason: 'vanished' };
  }

  /** Decides about an entry that another consumer abandoned when it ran alone. @returns `retry` for one more run */
  async afterAbandonment(delivery: Delivery): Promise<Ending> {
    if (delivery.source.isDeadLetterStream) return FAILED_LETTER;
    switch (await this.verdictOn(delivery, 'abandoned')) {
      case 'retry':
        return { action: 'retry', delayMs: 0 };
      case 'acknowledge':
        return DUPLICATE;
      case 'dead-letter':
        return { action: 'dead-letter', reason: 'abandoned' };
      default:
        return LEAVE;
    }
  }

  /** Dead-letters an entry, unless the arbiter will not have it. */
  private async condemn(delivery: Delivery, reason: DeadLetterReason): Promise<Ending> {
    const verdict = await this.verdictOn(delivery, reason);
    if (verdict === 'dead-letter') return { action: 'dead-letter', reason };
    return verdict === 'acknowledge' ? DUPLICATE : this.retryOf(delivery);
  }

  private retryOf(delivery: Delivery): RetryEnding {
    return { action: 'retry', delayMs: delaySafely(failedEvent(delivery), this.parts) };
  }

  private async streakOf({ id, source, retry }: Delivery, error: unknown): Promise<ErrorStreak> {
    const { broker, steps } = this.parts;
    const before = await steps.untilTaken(() => broker.readErrorStreak(source.stream, id));
    return continueStreak(before, nameOf(error), retry);
  }

  /** @returns undefined when the arbiter cannot say at present */
  private async verdictOn(
    delivery: Delivery,
    reason: DeadLetterReason,
  ): Promise<DeadLetterVerdict | undefined> {
    try {
      return await this.judge(delivery, reason);
    } catch (error) {
      this.parts.onFailure(error);
      return undefined;
    }
  }

  private judge(delivery: Delivery, reason: DeadLetterReason): Promise<DeadLetterVerdict> {
    const { arbiter, once } = this.parts;
    return verdictOf(failedEvent(delivery), reason, arbiter(), once && (() => once.giveUp(delivery)));
  }
}
