import type { RedisConnectionOptions } from '../transport/index.js';

/** The logical name of the stream of orders. */
export const ORDERS_PATTERN = 'orders';

/** Token of the {@link OrdersOptions}. */
export const ORDERS_OPTIONS = Symbol('OrdersOptions');
/** Token of the client that emits orders. */
export const ORDERS_CLIENT = Symbol('OrdersClient');

export interface OrdersOptions {
  readonly connection: RedisConnectionOptions;
  readonly streams: Record<string, string>;
  readonly group: string;
  /** Milliseconds that a record outlives its last change. */
  readonly orderTtlMs: number;
  readonly failOrderPrefix?: string | undefined;
  /** The PostgreSQL that keeps the orders; Redis does when it is left out. */
  readonly database?: { readonly url: string; readonly poolSize: number } | undefined;
}
