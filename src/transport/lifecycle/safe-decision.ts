import { backoffDelay, type FailedAttempt } from '../policy/backoff.js';
import { decide, type FailureEnding, type Failure, type WaitLimits } from '../policy/decide.js';
import { DEFAULT_RETRY_POLICY, type RetryPolicy } from '../policy/retry-policy.js';

/** What decisions depend on; a classifier or backoff of the user may throw, then the defaults decide. */
export interface DecisionParts extends WaitLimits {
  readonly policy: RetryPolicy;
  /** Told what the user's functions throw. */
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
