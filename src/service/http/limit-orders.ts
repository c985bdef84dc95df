import { HttpException, HttpStatus } from '@nestjs/common';
import { networkOf } from './network-of.js';
import { RateLimit } from './rate-limit.js';

const SECOND_MS = 1_000;

interface Request {
  readonly method: string;
  readonly socket: { readonly remoteAddress?: string };
}

interface HeaderSink {
  setHeader(name: string, value: string): unknown;
}

/**
 * Refuses orders beyond a number each second from one address, before their bodies are read. It goes by the address of the
 * connection: whatever a header says of another one can be made up.
 */
export function limitOrders(perSecond: number) {
  const limit = new RateLimit(perSecond, SECOND_MS);
  return ({ method, socket }: Request, response: HeaderSink, next: (error?: unknown) => void): void => {
    if (method !== 'POST' || limit.admits(networkOf(socket.remoteAddress ?? ''))) {
      next();
      return;
    }
    response.setHeader('Retry-After', '1');
    next(new HttpException('Too many orders from this address; try again', HttpStatus.TOO_MANY_REQUESTS));
  };
}
