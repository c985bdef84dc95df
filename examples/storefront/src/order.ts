import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';

export interface Order {
  orderId: string;
  customerId: string;
  amount: number;
  currency: string;
  items: { sku: string; quantity: number }[];
  createdAt: string;
}

/** Makes `count` orders, evenly `perSecond`, until `signal` ends it. */
export async function* orders(count: number, perSecond: number, signal: AbortSignal): AsyncGenerator<Order> {
  const start = Date.now();
  for (let made = 0; made < count; made += 1) {
    const wait = start + (made * 1000) / perSecond - Date.now();
    if (wait > 0) await setTimeout(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    yield order();
  }
}

function order(): Order {
  const quantity = randomInt(1, 5);
  return {
    orderId: randomUUID(),
    customerId: `customer-${randomInt(1, 1000)}`,
    amount: quantity * 12.5,
    currency: 'EUR',
    items: [{ sku: 'espresso-beans', quantity }],
    createdAt: new Date().toISOString(),
  };
}
