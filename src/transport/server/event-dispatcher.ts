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
  return async (event) => {
    const context = new RedisStreamsContext([event]);
    try {
      if (around) {
        await around(context, async () => drain(await handler(event.payload, context)));
      } else {
        const result: unknown = await handler(event.payload, context);
        if (isObservable(result)) await drain(result);
      }
    } catch (error) {
      throw capturedException(context) ?? error;
    }
  };
}

async function drain(result: unknown): Promise<void> {
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
}
