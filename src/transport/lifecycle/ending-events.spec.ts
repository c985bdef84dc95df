import type { Settlement } from '../redis/settlement.js';
import { eventAfter, type WrittenEnding } from './ending-events.js';

const ANSWERS: readonly Settlement[] = ['done', 'gone', 'taken', 'vanished', 'duplicate', { refused: 'x' }];
const retry: WrittenEnding = { action: 'retry', delayMs: 1 };
const putOff: WrittenEnding = { action: 'defer', as: 'put-off', delayMs: 1 };
const waiting: WrittenEnding = { action: 'defer', as: 'duplicate-waiting', delayMs: 1 };
const letter: WrittenEnding = { action: 'dead-letter', reason: 'retries-exhausted' };
const drop: WrittenEnding = { action: 'drop', as: 'duplicate' };
const failedLetter: WrittenEnding = { action: 'drop', as: 'dead-letter-failed' };

describe('What is said of an end', () => {
  it.each([
    ['retry', retry, ['retry-scheduled', undefined, undefined, undefined, 'duplicate', undefined]],
    ['put-off', putOff, ['put-off', undefined, undefined, undefined, undefined, undefined]],
    [
      'duplicate-waiting',
      waiting,
      ['duplicate-waiting', 'duplicate-waiting', undefined, undefined, undefined, undefined],
    ],
    ['dead-letter', letter, ['dead-lettered', undefined, undefined, undefined, 'duplicate', undefined]],
    ['drop', drop, ['duplicate', undefined, undefined, undefined, undefined, undefined]],
    ['failed letter', failedLetter, ['dead-letter-failed', ...Array<undefined>(5).fill(undefined)]],
  ] as const)('after %s, by the answer', (_name, ending, events) => {
    expect(ANSWERS.map((answer) => eventAfter(ending, answer))).toEqual(events);
  });

  it('is nothing when the process ends before Redis has answered', () => {
    expect(eventAfter(retry, undefined)).toBeUndefined();
  });
});
