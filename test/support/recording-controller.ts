import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { RedisStreamsContext } from '../../src/transport/index.js';

export interface Received {
  readonly payload: unknown;
  readonly context: RedisStreamsContext;
}

/** A controller that serves `orders` and `payments`, remembers what came, and then does `work`. */
export function recordingController(work: (received: Received) => unknown = () => undefined): {
  controllers: Type[];
  received: Received[];
} {
  const received: Received[] = [];
  const take = (one: Received): unknown => {
    received.push(one);
    return work(one);
  };

  @Controller()
  class RecordingController {
    @EventPattern<string>('orders')
    orders(@Payload() payload: unknown, @Ctx() context: RedisStreamsContext): unknown {
      return take({ payload, context });
    }

    @EventPattern<string>('payments')
    payments(@Payload() payload: unknown, @Ctx() context: RedisStreamsContext): unknown {
      return take({ payload, context });
    }
  }
  return { controllers: [RecordingController], received };
}
