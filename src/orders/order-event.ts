import { inspect } from 'node:util';
import { isOrderId } from './dto/order-id.js';

/** The id of the order in a payload, whatever else is wrong with it. */
export function orderIdIn(payload: unknown): string | undefined {
  const isObject = typeof payload === 'object' && payload !== null;
  const orderId: unknown = isObject && 'orderId' in payload ? payload.orderId : undefined;
  return isOrderId(orderId) ? orderId : undefined;
}

/** An error in words; anything can be thrown, even what cannot be turned into text. */
export function describeError(error: unknown): { error: string; reason: string } {
  if (error instanceof Error) return { error: error.name, reason: error.message };
  return { error: typeof error, reason: typeof error === 'string' ? error : inspect(error) };
}
