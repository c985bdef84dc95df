import type { ArgumentsHost } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';
import type { OnMisfit } from '../../redis/fast/paths.js';

const captured = new WeakMap<object, unknown>();
let installed: Promise<boolean> | undefined;

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
 *
 * @param isOurs - whether a context is one of this transport
 */
export async function captureExceptions(
  isOurs: (context: object) => boolean,
  onMisfit: OnMisfit,
): Promise<void> {
  installed ??= install(isOurs);
  if (await installed) return;
  installed = undefined;
  onMisfit(
    'This version of Nest handles exceptions in another way than the transport needs: errors of handlers reach it without their class and message, so each failure is retried and none is final at once',
  );
}

/** The error that was thrown while this delivery was handled, before any filter saw it. */
export function capturedException(context: object): unknown {
  return captured.get(context);
}

/** @returns whether the handler of Nest is one that can be wrapped */
async function install(isOurs: (context: object) => boolean): Promise<boolean> {
  const prototype = await findHandler();
  const handle = prototype && (Object.getOwnPropertyDescriptor(prototype, 'handle')?.value as unknown);
  if (!prototype || typeof handle !== 'function' || typeof prototype.invokeCustomFilters !== 'function') {
    return false;
  }
  prototype.handle = function (this: ExceptionsHandler, exception, host, ...rest) {
    const context = host.switchToRpc().getContext<unknown>();
    if (typeof context !== 'object' || context === null || !isOurs(context)) {
      return (handle as ExceptionsHandler['handle']).call(this, exception, host, ...rest);
    }
    captured.set(context, exception);
    return this.invokeCustomFilters(exception, host) ?? throwError(() => exception);
  };
  return true;
}

async function findHandler(): Promise<Partial<ExceptionsHandler> | undefined> {
  try {
    // The path is the same in Nest 11, whose index does not export the class.
    const module = await import('@nestjs/microservices/exceptions/rpc-exceptions-handler.js');
    return module.RpcExceptionsHandler.prototype as Partial<ExceptionsHandler>;
  } catch {
    return undefined;
  }
}
