import {
  BadRequestException,
  ForbiddenException,
  InternalServerErrorException,
  UnauthorizedException,
  UnprocessableEntityException,
} from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import fc from 'fast-check';
import {
  DependencyUnavailableError,
  MalformedEntryError,
  NonRetryableError,
  RetryLaterError,
} from '../entry/errors.js';
import { classifyError } from './classify-error.js';

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

class StaleOrderError extends NonRetryableError {}

describe('classifyError', () => {
  it.each([
    new MalformedEntryError('x'),
    new NonRetryableError('x'),
    new StaleOrderError('x'),
    new BadRequestException(['amount must be positive']),
    new UnprocessableEntityException(),
    new ForbiddenException(),
    new UnauthorizedException(),
    new RpcException({ status: 400 }),
    new RpcException('Forbidden resource'),
    new RpcException(new NonRetryableError('x')),
    [{ property: 'orderId', constraints: { isString: 'orderId must be a string' } }],
  ])('takes what no repeat can mend for final: %s', (error) => {
    expect(classifyError(error)).toBe('final');
  });

  it.each([
    new Error('x'),
    new InternalServerErrorException(),
    new RpcException('x'),
    new RpcException({ status: 500, errors: ['x'] }),
    new RpcException({ code: 'GONE' }),
    Object.assign(new Error('of a GraphQL client'), { errors: [{ message: 'x', path: ['orders'] }] }),
    Object.assign(new RpcException('x'), { error: revoked() }),
    new RetryLaterError(5),
    Object.assign(new Error('x'), { getStatus: 400 }),
    Object.assign(new Error('x'), { getStatus: () => 'nonsense' }),
    { getStatus: () => 400 },
    { errors: ['x'] },
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
