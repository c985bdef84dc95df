import { Server, type MessageHandler } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { throwError, type Observable } from 'rxjs';
import type { TestHandler } from '../started-server.js';

/**
 * A handler with an idempotency marker whose process dies at the first delivery, between marker and effect.
 *
 * @param markerFirst - the bug: the marker is written before the effect
 */
export function markedHandler(redis: Redis, effects: string[], markerFirst: boolean): TestHandler {
  return async (payload, context) => {
    const orderId = String(payload.orderId);
    const marker = `${context.getStream()}:marker:${orderId}`;
    const dies = context.getDeliveryCount() === 1;
    if (markerFirst) {
      if ((await redis.set(marker, '1', 'NX')) === null) return;
      if (dies) throw new Error('died before the effect');
      effects.push(orderId);
      return;
    }
    if (await redis.exists(marker)) return;
    if (dies) throw new Error('died before the effect');
    effects.push(orderId);
    await redis.set(marker, '1');
  };
}

/** A handler that fails as Nest's handlers fail: it resolves to an Observable that errors. */
const failing = (): Observable<never> => throwError(() => new Error('fails'));

/** Acknowledges when the base class of Nest's transports says that it has handled the event: it never waits. */
export function handledByBaseClass(): TestHandler {
  const base = new BaseServer();
  base.addHandler('orders', (() => Promise.resolve(failing())) as MessageHandler, true);
  return (data, context) => base.handleEvent('orders', { pattern: 'orders', data }, context);
}

class BaseServer extends Server {
  listen(): void {
    throw new Error('It handles, and does not listen.');
  }
  close(): void {
    throw new Error('It was never open.');
  }
  on(): void {
    throw new Error('It has no events.');
  }
  unwrap<T>(): T {
    throw new Error('It has no connection.');
  }
}
