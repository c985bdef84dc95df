/** Names and times that the apps of the demonstration share. */
export const ORDERS = 'orders';
export const DEAD_LETTERS = 'orders.DLT';
export const GROUP = 'order-group';

/** A consumer that is silent for so long is taken for dead. The default of 30 s would make a long demonstration. */
export const ACK_WAIT_MS = 1000;
export const RECOVERY_INTERVAL_MS = 200;

/** The set of orders that took effect: the business key makes it idempotent, whatever the id of the entry is. */
export const SHIPPED = 'shipped';

/** What an app is given at its start, as JSON in its arguments. */
export interface AppSettings {
  readonly name: string;
  readonly redisUrl: string;
  readonly role: 'orders' | 'dead-letters';
  /** Never finish after the effect, so that the process can be killed before it acknowledges. */
  readonly hangAfterEffect?: boolean;
}
