import type { ArgumentsHost } from '@nestjs/common';
import { BaseRpcExceptionFilter } from '@nestjs/microservices';
import { from, isObservable, mergeMap, of, throwError, type Observable } from 'rxjs';
import { read } from '../../entry/plain-text.js';
import { madeOf, readable } from '../../entry/thrown.js';
import type { OnMisfit } from '../../redis/fast/paths.js';

const captured = new WeakMap<object, unknown>();
let installed: Promise<boolean> | undefined;

/** The parts of Nest's handler of RPC exceptions that are used here. */
interface ExceptionsHandler {
  handle: (this: ExceptionsHandler, exception: unknown, host: ArgumentsHost, ...rest: unknown[]) => unknown;
  invokeCustomFilters(exception: unknown, host: ArgumentsHost): Observable<unknown> | null;
}

/**
 * Lets what the pipeline of Nest says reach this transport.
 *
 * For an RPC handler Nest replaces every error by "Internal server error" after the filters had their turn, for a
 * client that waits for an answer, and its base filter does so for those that extend it. Here nobody waits: the class
 * and the message decide what becomes of the entry. Nest offers no way to add a last filter that also works in hybrid
 * apps without `inheritAppConfig`, so the two are wrapped, once, and behave as before for the context of any other
 * transport.
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

/** How a handler failed in the end, and what exception filters were given before, where they made something else of it. */
export interface PipelineFailure {
  readonly error: unknown;
  readonly original?: unknown;
}

/**
 * What is to be said of a failure that came out of the pipeline. A filter that passes on what an `RpcException` was made
 * of, as a client would be answered, has made nothing else of it.
 */
export function failureOf(context: object, thrown: unknown): PipelineFailure {
  const error = readable(thrown);
  if (!captured.has(context)) return { error };
  const original = captured.get(context);
  const isPassedOn = original === thrown || (thrown !== undefined && madeOf(original) === thrown);
  return isPassedOn ? { error: readable(original) } : { error, original: readable(original) };
}

/** @returns whether the handler of Nest is one that can be wrapped */
async function install(isOurs: (context: object) => boolean): Promise<boolean> {
  const prototype = await findHandler();
  const handle = prototype && (Object.getOwnPropertyDescriptor(prototype, 'handle')?.value as unknown);
  if (!prototype || typeof handle !== 'function' || typeof prototype.invokeCustomFilters !== 'function') {
    return false;
  }
  const contextOf = (host: ArgumentsHost | undefined): object | undefined => {
    const context = host?.switchToRpc().getContext<unknown>();
    return typeof context === 'object' && context !== null && isOurs(context) ? context : undefined;
  };
  prototype.handle = function (this: ExceptionsHandler, exception, host, ...rest) {
    const context = contextOf(host);
    if (!context) return (handle as ExceptionsHandler['handle']).call(this, exception, host, ...rest);
    captured.set(context, exception);
    return outcomeOf(this.invokeCustomFilters(exception, host), exception);
  };
  const base = BaseRpcExceptionFilter.prototype;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is given its `this` below
  const mask = base.catch;
  base.catch = function (exception, host) {
    return contextOf(host) ? throwError(() => exception as unknown) : mask.call(this, exception, host);
  };
  return true;
}

/**
 * What a filter returned, as a stream: a value or a stream that completes has handled the exception, and where nothing
 * was returned nothing was handled, as for Nest itself.
 */
function outcomeOf(returned: unknown, exception: unknown): Observable<unknown> {
  if (isObservable(returned)) return returned;
  if (typeof read(returned, 'then') === 'function') {
    return from(Promise.resolve(returned)).pipe(mergeMap((value) => outcomeOf(value, exception)));
  }
  return returned === undefined || returned === null ? throwError(() => exception) : of(returned);
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
