import type { MessageHandler } from '@nestjs/microservices';
import { concatMap, EMPTY, isObservable, lastValueFrom } from 'rxjs';
import type { Dispatch } from '../lifecycle/attempt.js';
import type { Delivery } from '../protocol/delivery.js';
import { capturedException } from './exception-capture.js';
import { isGenerator, runToEnd } from './generators.js';
import { RedisStreamsContext } from './redis-streams.context.js';

/** Runs a step between Nest's processing hooks. */
export type AroundProcessing = (context: RedisStreamsContext, run: () => Promise<void>) => Promise<void>;

/**
 * Gives events to a Nest handler and waits for its real end.
 *
 * A failing handler does not reject: Nest resolves it to an Observable that errors. So the result is awaited as
 * `ServerKafka` does it; an Observable that ends without a value is a success. A generator runs to its end.
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
  } catch (error) {
    throw capturedException(context) ?? error;
  }
}

async function drain(result: unknown, delivery: Delivery): Promise<void> {
  if (isObservable(result)) {
    const drained = result.pipe(
      concatMap((value) => (isGenerator(value) ? runToEnd(value, delivery) : EMPTY)),
    );
    await lastValueFrom(drained, { defaultValue: undefined });
  } else if (isGenerator(result)) await runToEnd(result, delivery);
}
