import { HttpException, HttpStatus } from '@nestjs/common';
import { RateLimit } from './rate-limit.js';

interface Request {
  readonly method: string;
  readonly socket: { readonly remoteAddress?: string };
}

interface HeaderSink {
  setHeader(name: string, value: string): unknown;
}

/**
 * Refuses orders beyond so many a second from one address, before their bodies are read. It goes by the address of the
 * connection: whatever a header says of another one can be made up.
 */
export function limitOrders(perSecond: number) {
  const limit = new RateLimit(perSecond, () => performance.now());
  return ({ method, socket }: Request, response: HeaderSink, next: (error?: unknown) => void): void => {
    if (method !== 'POST' || limit.admits(networkOf(socket.remoteAddress ?? ''))) {
      next();
      return;
    }
    response.setHeader('Retry-After', '1');
    next(new HttpException('Too many orders from this address; try again', HttpStatus.TOO_MANY_REQUESTS));
  };
}

/** Of an IPv6 address, the first 64 bits: whoever has one of a network has them all. */
export function networkOf(address: string): string {
  if (address.includes('.')) return address.slice(address.lastIndexOf(':') + 1);
  const [head = '', tail] = address.split('::');
  if (tail === undefined) return head.split(':').slice(0, 4).join(':');
  const [left, right] = [head, tail].map((part) => (part === '' ? [] : part.split(':'))) as [
    string[],
    string[],
  ];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].slice(0, 4).join(':');
}
