import {
  BadRequestException,
  InternalServerErrorException,
  UnprocessableEntityException,
} from '@nestjs/common';
import fc from 'fast-check';
import {
  DependencyUnavailableError,
  MalformedEntryError,
  NonRetryableError,
  RetryLaterError,
} from '../entry/errors.js';
import { classifyError } from './classify-error.js';

class StaleOrderError extends NonRetryableError {}

describe('classifyError', () => {
  it.each([
    new MalformedEntryError('x'),
    new NonRetryableError('x'),
    new StaleOrderError('x'),
    new BadRequestException(['amount must be positive']),
    new UnprocessableEntityException(),
  ])('takes what no repeat can mend for final: %s', (error) => {
    expect(classifyError(error)).toBe('final');
  });

  it.each([
    new Error('x'),
    new InternalServerErrorException(),
    new RetryLaterError(5),
    Object.assign(new Error('x'), { getStatus: 400 }),
    Object.assign(new Error('x'), { getStatus: () => 'nonsense' }),
    { getStatus: () => 400 },
    'text',
    undefined,
    null,
  ])('gives anything else another chance: %s', (error) => {
    expect(classifyError(error)).toBe('retry');
  });

  it('takes what is away for no failing of the entry', () => {
    expect(classifyError(new DependencyUnavailableError('x'))).toBe('put-off');
  });

  it('never fails, whatever was thrown', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (error) => {
        expect(['retry', 'final']).toContain(classifyError(error));
      }),
    );
    const hostile = Object.assign(new Error('x'), {
      getStatus: () => {
        throw new Error('again');
      },
    });
    expect(classifyError(hostile)).toBe('retry');
  });

  it('lets the user say it, and decides itself where the user does not', () => {
    expect(classifyError(new NonRetryableError('x'), () => 'retry')).toBe('retry');
    expect(classifyError(new Error('x'), () => 'final')).toBe('final');
    expect(classifyError(new NonRetryableError('x'), () => undefined)).toBe('final');
  });
});
