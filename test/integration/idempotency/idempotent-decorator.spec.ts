import { Controller, type Type } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { Idempotent, RedisStreamsContext, Retry } from '../../../src/transport/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

interface Order {
  readonly orderId: string;
}

let handled: string[];

const keyOf = (order: Order): string => order.orderId;

@Controller()
class AbovePattern {
  @Idempotent(keyOf)
  @Retry({ maxRetries: 0 })
  @EventPattern<string>('orders')
  handle(@Payload() order: Order, @Ctx() context: RedisStreamsContext): void {
    handled.push(order.orderId);
    context.commit((tx) => tx.hincrby(`${context.getStream()}:effects`, order.orderId, 1));
  }
}

@Controller()
class BelowPattern {
  @EventPattern<string>('orders')
  @Retry({ maxRetries: 0 })
  @Idempotent(keyOf)
  handle(@Payload() order: Order): void {
    handled.push(order.orderId);
  }
}

@Controller()
class InExtras {
  @EventPattern<string>('orders', { idempotent: { key: keyOf }, retry: { maxRetries: 0 } })
  handle(@Payload() order: Order): void {
    handled.push(order.orderId);
  }
}

describe('@Idempotent', () => {
  let started: TransportApp | undefined;
  beforeEach(() => {
    handled = [];
  });
  afterEach(() => started?.close());

  it.each<[string, Type]>([
    ['above @EventPattern', AbovePattern],
    ['below it', BelowPattern],
    ['as extras of the pattern', InExtras],
  ])('calls a handler once for each key, and lets its other options hold: %s', async (_, controller) => {
    const app = await startTransportApp({ controllers: [controller] });
    started = app;
    for (const orderId of ['a', 'b', 'a', 'b']) {
      await app.redis.xadd(app.stream, '*', 'orderId', orderId);
    }
    await app.redis.xadd(app.stream, '*', 'anything', 'without a key');
    await eventuallyPasses(async () => {
      expect(app.processed.length).toBe(2);
      expect(app.deadLettered).toMatchObject([{ error: { name: 'IdempotencyKeyError' } }]);
      expect(await app.pending()).toEqual([]);
    });
    expect(handled.sort()).toEqual(['a', 'b']);
  });

  it('is refused at start where an option cannot work', async () => {
    @Controller()
    class Broken {
      @Idempotent(keyOf, { windowMs: 0 })
      @EventPattern<string>('orders')
      handle(): void {
        // Never called.
      }
    }
    await expect(startTransportApp({ controllers: [Broken] })).rejects.toThrow(
      'Option "@EventPattern("orders") idempotent.windowMs"',
    );
  });
});
