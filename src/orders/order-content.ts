import { createHash } from 'node:crypto';
import { decimalFromText, listFromText } from './flat-values.js';
import { isInherited, OrderBounds } from './order-bounds.js';

/** What an order is about. Its id and when it was made are not: a repeat may have another time. */
const CONTENT = ['amount', 'currency', 'customerId', 'items'] as const;

/**
 * Distinguishes orders that come under one id: a hash of what the order says, the same however that is written (as text
 * in a flat entry, with other names first, with `null` for what is left out).
 *
 * @param payload - a body or the payload of an entry, validated or not
 * @returns undefined for what cannot be a valid order
 */
export function contentOf(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return undefined;
  const { amount, items, ...rest } = payload as Record<string, unknown>;
  const order: Record<string, unknown> = {
    ...rest,
    amount: decimalFromText(amount),
    items: listFromText(items),
  };
  if (new OrderBounds().brokenBy(order) !== undefined) return undefined;
  const said = CONTENT.map((name) => canonical(order[name]) ?? null);
  return createHash('sha256').update(JSON.stringify(said)).digest('base64url');
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .filter(([name]) => !isInherited(name))
    .map(([name, child]) => [name, canonical(child)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
