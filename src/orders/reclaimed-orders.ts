import type { ReclaimedEvent } from '../transport/index.js';

/** What the order in an entry is found by. */
export interface OrderNames {
  readonly orderId: string | undefined;
  readonly correlationId?: string;
}

/** A reclaimed entry, with the order in it. */
export interface ReclaimedOrder extends OrderNames {
  readonly entryId: string;
  /** The consumer that it was taken over from. */
  readonly owner: string;
}

/** Most entries remembered: some are handed back and never received here, some are lost and never end here. */
const MAX_REMEMBERED = 10_000;

/**
 * Reports which orders were reclaimed. The transport reclaims entries and does not look into them, before or after it
 * gives them to a handler; the order in an entry is known once it is received.
 */
export class ReclaimedOrders {
  private readonly running = new Map<string, OrderNames>();
  private readonly awaited = new Map<string, string>();

  constructor(private readonly report: (order: ReclaimedOrder) => void) {}

  received(entryId: string, order: OrderNames): void {
    remember(this.running, entryId, order);
    const owner = this.awaited.get(entryId);
    if (owner === undefined) return;
    this.awaited.delete(entryId);
    this.report({ ...order, entryId, owner });
  }

  ended(entryId: string): void {
    this.running.delete(entryId);
  }

  reclaimed({ entryIds, owner }: Pick<ReclaimedEvent, 'entryIds' | 'owner'>): void {
    for (const entryId of entryIds) {
      const order = this.running.get(entryId);
      if (order) this.report({ ...order, entryId, owner });
      else remember(this.awaited, entryId, owner);
    }
  }
}

function remember<T>(map: Map<string, T>, entryId: string, value: T): void {
  map.set(entryId, value);
  const [oldest] = map.keys();
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest);
}
