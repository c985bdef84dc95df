import type { RedisConnectionOptions, WaitReplicas } from '../transport/index.js';

/** The logical name of the stream of orders. */
export const ORDERS_PATTERN = 'orders';
/** Where it is announced that an order was processed. */
export const PROCESSED_PATTERN = 'orders.processed';

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
  /** The replicas that must have an order before it is accepted, if any. */
  readonly waitReplicas?: WaitReplicas;
  /** The request header that says whose an `Idempotency-Key` is; all callers share one scope when it is left out. */
  readonly idempotencyScopeHeader?: string | undefined;
  readonly failOrderPrefix?: string | undefined;
  /** The PostgreSQL that keeps the orders; Redis does when it is left out. */
  readonly database?: { readonly url: string; readonly poolSize: number } | undefined;
}
