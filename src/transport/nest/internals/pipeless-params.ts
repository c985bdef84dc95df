import { isFast, type OnMisfit } from '../../redis/fast/paths.js';
import { RpcContextCreator } from '@nestjs/microservices/context/rpc-context-creator.js';

/** What Nest knows of a handler's parameter. */
interface Param {
  readonly index: number;
  /** A number for `@Payload` and `@Ctx`; a text for a decorator that the application made. */
  readonly type: number | string;
  readonly pipes: readonly unknown[];
  readonly extractValue: (...params: unknown[]) => unknown;
}

type FillParams = (args: unknown[], ...params: unknown[]) => Promise<void> | undefined;

/** The part of Nest's maker of RPC handlers that is used here. */
interface HandlerMaker {
  createPipesFn(pipes: readonly unknown[], params: readonly Param[]): FillParams | null;
}

let installed = false;

/**
 * Spares handlers without pipes what Nest does to apply them: for every event several promises for each parameter,
 * almost half of the time that its way to a handler takes. Nest offers no way around it, so the method that makes this
 * step is wrapped, once, before handlers are made; one with a pipe, a parameter decorator of the application, or a
 * payload that is a promise goes the way of Nest, and so does every other step.
 */
export function sparePipelessParams(onMisfit: OnMisfit): void {
  if (installed || !isFast('parameters')) return;
  const prototype = RpcContextCreator.prototype as unknown as HandlerMaker;
  const make = Object.getOwnPropertyDescriptor(prototype, 'createPipesFn')?.value as
    HandlerMaker['createPipesFn'] | undefined;
  // Pipes, and what is known of each parameter.
  if (make?.length !== 2) {
    onMisfit(
      'This version of Nest fills the parameters of handlers in another way than the fast path needs: handlers without pipes go the longer way of Nest',
    );
    return;
  }
  installed = true;
  prototype.createPipesFn = function (this: HandlerMaker, pipes, params) {
    const fill = make.call(this, pipes, params);
    return fill && pipes.length === 0 && params.every(isPlain) ? withoutPipes(params, fill) : fill;
  };
}

function isPlain({ index, type, pipes, extractValue }: Param): boolean {
  const isKnown = typeof index === 'number' && typeof extractValue === 'function';
  return isKnown && typeof type === 'number' && Array.isArray(pipes) && pipes.length === 0;
}

function withoutPipes(params: readonly Param[], fill: FillParams): FillParams {
  return (args, ...given) => {
    for (const param of params) {
      const value = param.extractValue(...given);
      if (isThenable(value)) return fill(args, ...given);
      args[param.index] = value;
    }
    return undefined;
  };
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
