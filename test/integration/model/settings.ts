import type { Random } from './random.js';

export const ACK_WAIT_MS = 30_000;
export const BACKOFF_MS = 1_000;
/** Longest wait of an entry: none of the model's ends by itself before a schedule is over. */
export const MAX_WAIT_MS = 86_400_000;

/** What differs from schedule to schedule. */
export interface Settings {
  readonly seed: number;
  readonly maxRetries: number;
  readonly slots: number;
  readonly resetOnErrorChange: boolean;
  readonly maxPutOffMs: number;
  /** Whether writes of the application travel with what parks and dead-letters. */
  readonly hasHook: boolean;
  /** Whether the application has a say in what is dead-lettered. */
  readonly hasArbiter: boolean;
  /** Whether handlers run once for each order, by keys in Redis. */
  readonly isOncePerKey: boolean;
  /** Whether they make their effects in another database, together with the key. */
  readonly hasKeyTable: boolean;
  /** Whether commits and hooks carry a condition: the first entry of an order that ends well is the only one. */
  readonly isFirstOnly: boolean;
  /** How many orders there are. */
  readonly orders: number;
}

export function settingsOf(random: Random): Settings {
  const isOncePerKey = random.chance(0.3);
  const hasKeyTable = !isOncePerKey && random.chance(0.25);
  const isFirstOnly = !isOncePerKey && !hasKeyTable && random.chance(0.4);
  return {
    seed: random.seed,
    maxRetries: random.below(3),
    slots: 1 + random.below(3),
    resetOnErrorChange: random.chance(0.3),
    maxPutOffMs: random.chance(0.5) ? 5_000 : MAX_WAIT_MS,
    hasHook: isFirstOnly || random.chance(0.4),
    hasArbiter: random.chance(0.4),
    isOncePerKey,
    hasKeyTable,
    isFirstOnly,
    orders: isOncePerKey || hasKeyTable || isFirstOnly ? 2 + random.below(25) : 1_000,
  };
}
