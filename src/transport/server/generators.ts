import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Delivery } from '../protocol/delivery.js';

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
