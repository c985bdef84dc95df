import type { RedisStreamsClient } from '../transport/index.js';
import { ORDERS_PATTERN } from './orders-options.js';

/** The key of the record of an order, in the hash slot of the stream. */
export function orderKey(client: RedisStreamsClient, orderId: string): string {
  return client.helperKey(ORDERS_PATTERN, 'order', orderId);
}
