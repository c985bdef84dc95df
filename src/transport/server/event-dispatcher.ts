import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Dispatch } from '../delivery/entry-processor.js';
import { capturedException } from './exception-capture.js';
import { RedisStreamsContext } from './redis-streams.context.js';

/** Runs a step between Nest's processing hooks. */
export type AroundProcessing = (context: RedisStreamsContext, run: () => Promise<void>) => Promise<void>;

/**
 * Gives events to a Nest handler and waits for its real end.
 *
 * A failing handler does not reject: Nest resolves it to an Observable that errors. So the result is awaited as
 * `ServerKafka` does it; an Observable that ends without a value is a success.
 */
export function dispatcherOf(handler: MessageHandler, around: AroundProcessing | undefined): Dispatch {
  if (around) {
    return (event) => {
      const context = new RedisStreamsContext([event]);
      return outcomeOf(
        around(context, async () => drain(await handler(event.payload, context))),
        context,
      );
    };
  }
  return (event) => {
    const context = new RedisStreamsContext([event]);
    return outcomeOf(handler(event.payload, context), context);
  };
}

async function outcomeOf(handling: Promise<unknown>, context: RedisStreamsContext): Promise<void> {
  try {
    const result = await handling;
    if (result !== undefined) await drain(result);
  } catch (error) {
    throw capturedException(context) ?? error;
  }
}

async function drain(result: unknown): Promise<void> {
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
}
