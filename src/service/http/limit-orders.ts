import { HttpException, HttpStatus } from '@nestjs/common';
import { callerOf, type CallersRequest } from '../../operations/access/caller-of.js';
import { RateLimit } from '../../operations/access/rate-limit.js';

const SECOND_MS = 1_000;

interface Request extends CallersRequest {
  readonly method: string;
}

interface HeaderSink {
  setHeader(name: string, value: string): unknown;
}

/**
 * Refuses orders beyond a number each second from one address, before their bodies are read. It goes by the address of the
 * connection: what a header says of another one is taken from a proxy of `TRUST_PROXY` alone.
 */
export function limitOrders(perSecond: number) {
  const limit = new RateLimit(perSecond, SECOND_MS);
  return (request: Request, response: HeaderSink, next: (error?: unknown) => void): void => {
    if (request.method !== 'POST' || limit.admits(callerOf(request))) {
      next();
      return;
    }
    response.setHeader('Retry-After', '1');
    next(new HttpException('Too many orders from this address; try again', HttpStatus.TOO_MANY_REQUESTS));
  };
}
