import fc from 'fast-check';
import {
  DependencyUnavailableError,
  MalformedEntryError,
  NonRetryableError,
  RetryLaterError,
} from '../entry/errors.js';
import { decideAbandoned } from './abandoned.js';
import { decide, type Failure } from './decide.js';
import { continueStreak, type ErrorStreak } from './error-streak.js';
import { DEFAULT_RETRY_POLICY } from './retry-policy.js';

const DAY = 86_400_000;
const LIMITS = { maxRetryDelayMs: DAY, maxPutOffMs: DAY };
const errors = fc.constantFrom<unknown>(
  new Error('x'),
  new NonRetryableError('x'),
  new MalformedEntryError('x'),
  new RetryLaterError(10 * DAY),
  new RetryLaterError(0),
  new DependencyUnavailableError('x'),
  'text',
  undefined,
);
const retries = fc.integer({ min: 0, max: 999_999 });

const failure = (more: Partial<Failure>): Failure => ({
  ...{ entryId: '1-1', retry: 0, error: new Error('x'), atMs: 0, durationMs: 0, fromDeadLetters: false },
  ...more,
});

describe('decide', () => {
  it.each([
    [0, 'retry'],
    [1, 'retry'],
    [2, 'dead-letter'],
    [999_999, 'dead-letter'],
  ])('after retry %i: %s', (retry, action) => {
    expect(decide(failure({ retry }), DEFAULT_RETRY_POLICY, LIMITS).action).toBe(action);
  });

  it.each([
    [new MalformedEntryError('x'), 'malformed'],
    [new NonRetryableError('x'), 'not-retryable'],
    [new Error('x'), 'retries-exhausted'],
    [new RetryLaterError(5), 'retries-exhausted'],
  ])('gives the reason: %s, %s', (error, reason) => {
    expect(decide(failure({ error, retry: 2 }), DEFAULT_RETRY_POLICY, LIMITS)).toEqual({
      action: 'dead-letter',
      reason,
    });
  });

  it('lets an error ask for its delay, up to the longest', () => {
    const delayOf = (delayMs: number) =>
      decide(failure({ error: new RetryLaterError(delayMs) }), DEFAULT_RETRY_POLICY, LIMITS);
    expect(delayOf(1_234)).toEqual({ action: 'retry', delayMs: 1_234 });
    expect(delayOf(10 * DAY)).toEqual({ action: 'retry', delayMs: DAY });
  });

  it.each([0, 2, 999_999])('charges nothing for what is away, after retry %i', (retry) => {
    const away = failure({ error: new DependencyUnavailableError('x'), retry });
    expect(decide(away, DEFAULT_RETRY_POLICY, LIMITS)).toMatchObject({ action: 'defer' });
    const policy = { ...DEFAULT_RETRY_POLICY, classify: () => 'put-off' as const };
    expect(decide(failure({ retry }), policy, LIMITS)).toMatchObject({ action: 'defer' });
  });

  it('charges what was put off for long enough', () => {
    const away = { error: new DependencyUnavailableError('x'), putOffs: { times: 3_000, forMs: DAY } };
    expect(decide(failure(away), DEFAULT_RETRY_POLICY, LIMITS).action).toBe('retry');
    const reason = 'retries-exhausted';
    expect(decide(failure({ ...away, retry: 2 }), DEFAULT_RETRY_POLICY, LIMITS)).toMatchObject({ reason });
  });

  it('puts off for as long as is asked, by the error or by a store', () => {
    const error = new RetryLaterError(1_234, 'x', { cause: new DependencyUnavailableError('x') });
    const asked = decide(failure({ error }), DEFAULT_RETRY_POLICY, LIMITS);
    expect(asked).toMatchObject({ action: 'defer', delayMs: 1_234 });
    const byStore = decide(failure({ storeAsksMs: 9_000 }), DEFAULT_RETRY_POLICY, LIMITS);
    expect(byStore).toMatchObject({ action: 'defer', delayMs: 9_000 });
  });

  it('puts a malformed entry off for no trouble that it names', () => {
    const error = Object.assign(new MalformedEntryError('x'), { cause: new DependencyUnavailableError('x') });
    expect(decide(failure({ error }), DEFAULT_RETRY_POLICY, LIMITS)).toMatchObject({ reason: 'malformed' });
  });

  it.each(['retry', 'put-off'] as const)(
    'takes a malformed entry for malformed, a classifier says %s',
    (said) => {
      const policy = { ...DEFAULT_RETRY_POLICY, classify: () => said };
      const decision = decide(failure({ error: new MalformedEntryError('x') }), policy, LIMITS);
      expect(decision).toMatchObject({ reason: 'malformed' });
    },
  );

  it('never sends an entry round for ever, never makes a dead letter of a dead letter, and is certain', () => {
    fc.assert(
      fc.property(errors, retries, fc.boolean(), retries, (error, retry, fromDeadLetters, maxRetries) => {
        const policy = { ...DEFAULT_RETRY_POLICY, maxRetries };
        const decision = decide(failure({ error, retry, fromDeadLetters }), policy, LIMITS);
        expect(decide(failure({ error, retry, fromDeadLetters }), policy, LIMITS)).toEqual(decision);
        if (retry >= maxRetries) expect(decision.action).not.toBe('retry');
        expect(decision.action).not.toBe(fromDeadLetters ? 'dead-letter' : 'drop');
        if (decision.action === 'retry' || decision.action === 'defer') {
          expect(decision.delayMs).toBeGreaterThanOrEqual(0);
          expect(decision.delayMs).toBeLessThanOrEqual(DAY);
        }
      }),
    );
  });
});

describe('decideAbandoned', () => {
  it('claims below the limit, lets run alone at and above it, and condemns only what was abandoned alone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000 }),
        fc.integer({ min: 0, max: 100 }),
        fc.boolean(),
        (count, max, alone) => {
          const decision = decideAbandoned({ deliveryCount: count, ranAlone: alone }, max);
          if (count <= max) expect(decision).toBe('claim');
          else expect(decision).toBe(alone ? 'dead-letter' : 'run-alone');
        },
      ),
    );
  });
});

describe('continueStreak', () => {
  it('begins anew exactly when the class changes, and never counts more than there were', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('A', 'B'), { minLength: 1, maxLength: 30 }), (names) => {
        let streak: ErrorStreak | undefined;
        names.forEach((name, retry) => {
          streak = continueStreak(streak, name, retry);
          const before = names.slice(0, retry + 1).reverse();
          const other = before.findIndex((earlier) => earlier !== name);
          const same = other < 0 ? retry + 1 : other;
          expect(retry - streak.beganAtRetry).toBe(same - 1);
        });
      }),
    );
  });
});
