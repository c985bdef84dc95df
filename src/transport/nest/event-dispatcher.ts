import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { isPromise } from 'node:util/types';
import type { Delivery } from '../entry/delivery.js';
import type { MessageHandler } from '@nestjs/microservices';
import { concatMap, EMPTY, isObservable, lastValueFrom, tap } from 'rxjs';
import type { Dispatch } from '../lifecycle/attempt.js';
import { failureOf } from './internals/exception-capture.js';
import { RedisStreamsContext } from './redis-streams.context.js';

/** For how long steps follow one another before everything else has its turn, in milliseconds. */
const TURN_MS = 50;

/** What a handler gives that is written `*handle()` or `async *handle()`. */
type HandlerGenerator = Generator | AsyncGenerator;

/**
 * Whether a result is a generator, whose body has not run yet. Arrays, maps, streams and other iterables are not: they
 * are values, and reading one may have effects that nobody asked for.
 */
export function isGenerator(result: unknown): result is HandlerGenerator {
  if (typeof result !== 'object' || result === null) return false;
  const { next, return: end, throw: fail } = result as Partial<Record<'next' | 'return' | 'throw', unknown>>;
  const isIterator = [next, end, fail].every((step) => typeof step === 'function');
  return isIterator && (Symbol.iterator in result || Symbol.asyncIterator in result);
}

/**
 * Runs a generator to its end; what it yields is awaited and dropped.
 *
 * @throws what its body throws, or yields as a promise that rejects; the reason of the abort when its result no longer
 * counts: then it is ended at the step that it has reached, so that its `finally` blocks run
 */
export async function runToEnd(generator: HandlerGenerator, event: Delivery): Promise<void> {
  let turnBegan = performance.now();
  for await (const step of generator as AsyncIterable<unknown>) {
    void step;
    if (performance.now() - turnBegan > TURN_MS) {
      await turn();
      turnBegan = performance.now();
    }
    if (event.isAborted) throw event.signal.reason;
  }
}

/** Runs a step between Nest's processing hooks. */
export type AroundProcessing = (context: RedisStreamsContext, run: () => Promise<void>) => Promise<void>;

/**
 * Gives events to a Nest handler and waits for its real end.
 *
 * A failing handler does not reject: Nest resolves it to an Observable that errors. So the result is awaited as
 * `ServerKafka` does it; an Observable that ends without a value is a success. A generator runs to its end, and promises
 * that an Observable emits are awaited, as those of an interceptor that maps by an async function.
 */
export function dispatcherOf(handler: MessageHandler, around: AroundProcessing | undefined): Dispatch {
  if (around) {
    return (delivery) => {
      const context = new RedisStreamsContext([delivery, delivery.entry]);
      return outcomeOf(
        around(context, async () => drain(await handler(delivery.payload, context), delivery)),
        delivery,
        context,
      );
    };
  }
  return (delivery) => {
    const context = new RedisStreamsContext([delivery, delivery.entry]);
    return outcomeOf(handler(delivery.payload, context), delivery, context);
  };
}

async function outcomeOf(
  handling: Promise<unknown>,
  delivery: Delivery,
  context: RedisStreamsContext,
): Promise<void> {
  try {
    const result = await handling;
    if (result !== undefined) await drain(result, delivery);
  } catch (thrown) {
    const { error, original } = failureOf(context, thrown);
    delivery.original = original;
    throw error;
  }
}

async function drain(result: unknown, delivery: Delivery): Promise<void> {
  if (isObservable(result)) {
    const drained = result.pipe(
      // One that fails while those before it are waited for must not end the process.
      tap((value) => {
        if (isPromise(value)) value.catch(() => undefined);
      }),
      concatMap((value) => {
        if (isGenerator(value)) return runToEnd(value, delivery);
        return isPromise(value) ? value : EMPTY;
      }),
    );
    await lastValueFrom(drained, { defaultValue: undefined });
  } else if (isGenerator(result)) await runToEnd(result, delivery);
}
