import { HttpException, HttpStatus } from '@nestjs/common';
import { ByteQuota } from './byte-quota.js';
import { callerOf, type CallersRequest } from '../../operations/access/caller-of.js';

/** What one address may place. */
export interface OrderQuota {
  /** Bytes of the bodies of orders, after they were unpacked. */
  readonly bytes: number;
  /** Within a window of this number of milliseconds. */
  readonly windowMs: number;
}

interface Request extends CallersRequest {
  readonly method: string;
}

interface Response {
  readonly statusCode: number;
  setHeader(name: string, value: string): unknown;
  once(event: 'close', listener: () => void): unknown;
}

/** The length of each body that was read, for those who count. */
const lengths = new WeakMap<object, number>();

/** Notes the length of a body, as the `verify` option of a body parser. */
export function noteLength(request: object, _response: unknown, body: Buffer): void {
  lengths.set(request, body.length);
}

/**
 * Refuses orders beyond a quota of bytes, so that one address cannot fill the store for all. Those that are not accepted
 * do not count. It stands behind the body parser, which has {@link noteLength} as its `verify`.
 */
export function limitOrderBytes({ bytes, windowMs }: OrderQuota) {
  const quota = new ByteQuota(bytes, windowMs);
  return (request: Request, response: Response, next: (error?: unknown) => void): void => {
    const length = lengths.get(request) ?? 0;
    if (request.method !== 'POST' || length === 0) {
      next();
      return;
    }
    if (length > bytes) {
      next(new HttpException(tooLarge(length, bytes), HttpStatus.PAYLOAD_TOO_LARGE));
      return;
    }
    const giveBack = quota.take(callerOf(request), length);
    if (giveBack === undefined) {
      const waitMs = quota.msUntilNext;
      response.setHeader('Retry-After', String(Math.ceil(waitMs / 1_000)));
      next(new HttpException(usedUp({ bytes, windowMs }, waitMs), HttpStatus.TOO_MANY_REQUESTS));
      return;
    }
    response.once('close', () => {
      if (response.statusCode >= 400) giveBack();
    });
    next();
  };
}

function tooLarge(length: number, bytes: number): string {
  return `This order has ${length} bytes, and an address may place ${bytes} in all: send a smaller one`;
}

function usedUp({ bytes, windowMs }: OrderQuota, waitMs: number): string {
  return (
    `This address has placed the ${bytes} bytes of orders that it may within ${windowMs / 1_000} s: ` +
    `try again in ${Math.ceil(waitMs / 1_000)} s`
  );
}
