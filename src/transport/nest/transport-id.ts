/**
 * Names this transport, so that a handler can be bound to it alone in an app with several:
 * `@EventPattern('orders', REDIS_STREAMS_TRANSPORT)`.
 */
export const REDIS_STREAMS_TRANSPORT: unique symbol = Symbol.for('order-streams/transport');
