import { InvalidOptionError } from '../entry/client-errors.js';
import { checkKnownOptions } from '../entry/known-options.js';
import type { Backoff, ExponentialBackoff, FixedBackoff } from './backoff.js';
import type { ErrorClassifier } from './classify-error.js';

/** How failures of a handler are treated. Set for all handlers on the server, and for one with `@Retry`. */
export interface RetryOptions {
  /**
   * Further attempts after the first. 0 dead-letters at the first failure; a high number keeps a poison entry going
   * round.
   *
   * @defaultValue 2
   */
  maxRetries?: number;
  /**
   * How long an entry waits before each retry.
   *
   * @defaultValue exponential: 1 s, factor 2, at most 60 s, jitter 0.2
   */
  backoff?: Backoff;
  /**
   * Says which errors are final, and which say nothing of the entry (`put-off`). Undefined from it, or none given:
   * decoding and validation errors, what a guard refuses and `NonRetryableError` are final, and `DependencyUnavailableError`
   * is put off. It is given what came out of Nest's pipeline, exception filters included.
   */
  classify?: ErrorClassifier;
  /**
   * Milliseconds after which a handler that has not finished counts as failed. Too short fails slow handlers that
   * would succeed; 0 waits for ever, and then an entry whose handler never ends is neither handled nor dead-lettered.
   *
   * @defaultValue 300000
   */
  handlerTimeoutMs?: number;
  /**
   * Whether an error of another class than the one before begins the retries again, as `resetStateOnExceptionChange`
   * of Spring Kafka does. Two errors in turn can then keep an entry going round for ever.
   *
   * @defaultValue false
   */
  resetOnErrorChange?: boolean;
}

/** The options, checked and complete. */
export interface RetryPolicy {
  readonly maxRetries: number;
  readonly backoff: Backoff;
  readonly classify: ErrorClassifier | undefined;
  readonly handlerTimeoutMs: number;
  readonly resetOnErrorChange: boolean;
}

/** What holds where nothing else is said. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = Object.freeze({
  maxRetries: 2,
  backoff: Object.freeze({ type: 'exponential', initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0.2 }),
  classify: undefined,
  handlerTimeoutMs: 300_000,
  resetOnErrorChange: false,
});

const KNOWN: Readonly<Record<keyof RetryOptions, true>> = {
  maxRetries: true,
  backoff: true,
  classify: true,
  handlerTimeoutMs: true,
  resetOnErrorChange: true,
};
const KNOWN_FIXED: Readonly<Record<keyof FixedBackoff, true>> = { type: true, delayMs: true };
const KNOWN_EXPONENTIAL: Readonly<Record<keyof ExponentialBackoff, true>> = {
  type: true,
  initialMs: true,
  factor: true,
  maxMs: true,
  jitter: true,
};

/**
 * Fills in what the options leave open.
 *
 * @param where - the path of the options, for the error
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveRetryPolicy(options: RetryOptions, defaults: RetryPolicy, where: string): RetryPolicy {
  checkKnownOptions(options, KNOWN, where);
  const policy: RetryPolicy = {
    maxRetries: options.maxRetries ?? defaults.maxRetries,
    backoff: options.backoff ?? defaults.backoff,
    classify: options.classify ?? defaults.classify,
    handlerTimeoutMs: options.handlerTimeoutMs ?? defaults.handlerTimeoutMs,
    resetOnErrorChange: options.resetOnErrorChange ?? defaults.resetOnErrorChange,
  };
  check(`${where}.maxRetries`, policy.maxRetries, 0, 999_999, true);
  // Longer does not fit a timer of Node.
  check(`${where}.handlerTimeoutMs`, policy.handlerTimeoutMs, 0, 2_147_483_647, true);
  if (typeof policy.backoff !== 'function') checkBackoff(policy.backoff, `${where}.backoff`);
  return Object.freeze(policy);
}

/**
 * @throws InvalidOptionError when a backoff is longer than any entry may wait
 */
export function checkLongestBackoff({ backoff }: RetryPolicy, maxRetryDelayMs: number): void {
  if (typeof backoff === 'function') return;
  const [option, longest] =
    backoff.type === 'fixed' ? ['delayMs', backoff.delayMs] : ['maxMs', backoff.maxMs];
  if (longest > maxRetryDelayMs) {
    throw new InvalidOptionError(
      `retry.backoff.${option}`,
      `must not be above maxRetryDelayMs (${maxRetryDelayMs}), but is ${longest}`,
    );
  }
}

function checkBackoff(backoff: Exclude<Backoff, (...args: never[]) => unknown>, where: string): void {
  const type: unknown = (backoff as Partial<FixedBackoff | ExponentialBackoff> | null)?.type;
  if (type !== 'fixed' && type !== 'exponential') {
    throw new InvalidOptionError(
      `${where}.type`,
      `must be "fixed" or "exponential", not ${JSON.stringify(type)}; a backoff may also be a function`,
    );
  }
  if (backoff.type === 'fixed') {
    checkKnownOptions(backoff, KNOWN_FIXED, where);
    check(`${where}.delayMs`, backoff.delayMs, 0, Number.MAX_SAFE_INTEGER);
    return;
  }
  checkKnownOptions(backoff, KNOWN_EXPONENTIAL, where);
  checkExponential(backoff, where);
}

function checkExponential({ initialMs, factor, maxMs, jitter }: ExponentialBackoff, where: string): void {
  check(`${where}.initialMs`, initialMs, 0, Number.MAX_SAFE_INTEGER);
  check(`${where}.factor`, factor, 1, 1_000);
  check(`${where}.maxMs`, maxMs, 0, Number.MAX_SAFE_INTEGER);
  check(`${where}.jitter`, jitter, 0, 1);
  if (maxMs < initialMs) {
    throw new InvalidOptionError(
      `${where}.maxMs`,
      `must not be below initialMs (${initialMs}), but is ${maxMs}`,
    );
  }
}

function check(option: string, value: number, least: number, most: number, whole = false): void {
  if (
    typeof value !== 'number' ||
    !(value >= least && value <= most) ||
    (whole && !Number.isInteger(value))
  ) {
    const kind = whole ? 'a whole number' : 'a number';
    throw new InvalidOptionError(option, `must be ${kind} from ${least} to ${most}, not ${String(value)}`);
  }
}
