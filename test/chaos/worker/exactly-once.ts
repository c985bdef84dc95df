import type { RedisStreamsContext, RedisStreamsServer } from '../../../src/transport/index.js';

/** Runs the work of an order and applies its effect. */
export interface Effect {
  run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void>;
}

export type EffectFactory = (server: RedisStreamsServer, stream: string, group: string) => Effect;

/** Pattern of the events that are the effects of orders. */
export const EFFECTS = 'orders.effects';

/** The effect of an order is applied once, however often it is sent and delivered. */
export class ExactlyOnce implements Effect {
  async run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void> {
    await work();
    const done = `{${context.getStream()}}:done`;
    const entryId = context.getEntryId();
    context.commit((tx) =>
      tx
        .onlyIfAbsent(done, orderId)
        .hset(done, { [orderId]: entryId })
        .emit(EFFECTS, { orderId, entryId }),
    );
  }
}
