import type { ArgumentsHost } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';
import { RedisStreamsContext } from './redis-streams.context.js';

const captured = new WeakMap<RedisStreamsContext, unknown>();
let installed: Promise<void> | undefined;

/** The parts of Nest's handler of RPC exceptions that are used here. */
interface ExceptionsHandler {
  handle: (this: ExceptionsHandler, exception: unknown, host: ArgumentsHost, ...rest: unknown[]) => unknown;
  invokeCustomFilters(exception: unknown, host: ArgumentsHost): Observable<unknown> | null;
}

/**
 * Lets the error that was thrown reach this transport.
 *
 * For an RPC handler Nest replaces every error by "Internal server error" after the filters had their turn, for a
 * client that waits for an answer. Here nobody waits: the class and the message decide what becomes of the entry.
 * Nest offers no way to add a last filter that also works in hybrid apps without `inheritAppConfig`, so its handler is
 * wrapped, once, and behaves as before for the context of any other transport.
 */
export function captureExceptions(): Promise<void> {
  installed ??= install();
  return installed;
}

/** The error that was thrown while this delivery was handled, before any filter saw it. */
export function capturedException(context: RedisStreamsContext): unknown {
  return captured.get(context);
}

async function install(): Promise<void> {
  // The path is the same in Nest 11, whose index does not export the class.
  const { RpcExceptionsHandler } = await import('@nestjs/microservices/exceptions/rpc-exceptions-handler.js');
  const prototype = RpcExceptionsHandler.prototype as ExceptionsHandler;
  const handle = Object.getOwnPropertyDescriptor(prototype, 'handle')?.value as ExceptionsHandler['handle'];
  prototype.handle = function (this: ExceptionsHandler, exception, host, ...rest) {
    const context: unknown = host.switchToRpc().getContext();
    if (!(context instanceof RedisStreamsContext)) {
      return handle.call(this, exception, host, ...rest);
    }
    captured.set(context, exception);
    return this.invokeCustomFilters(exception, host) ?? throwError(() => exception);
  };
}
