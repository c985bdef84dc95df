import { inspect } from 'node:util';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import { isOrderId } from './dto/order-id.js';

/** The id of the order in a payload, whatever else is wrong with it. */
export function orderIdIn(payload: unknown): string | undefined {
  const isObject = typeof payload === 'object' && payload !== null;
  const orderId: unknown = isObject && 'orderId' in payload ? payload.orderId : undefined;
  return isOrderId(orderId) ? orderId : undefined;
}

/** What an order is followed by through the log. */
export function traceOf(
  orderId: string | undefined,
  delivery: { entryId: string; retry: number; headers: Readonly<Record<string, string>> },
): Record<string, unknown> {
  const { entryId, retry, headers } = delivery;
  return { ...namesOf(orderId, headers), entryId, retry };
}

/** What the order in an entry is found by. */
export function namesOf(
  orderId: string | undefined,
  headers: Readonly<Record<string, string>>,
): { orderId: string | undefined; correlationId?: string } {
  const correlationId = headers[CORRELATION_ID_HEADER];
  return { orderId, ...(correlationId !== undefined && { correlationId }) };
}

/** An error in words; anything can be thrown, even what cannot be turned into text. */
export function describeError(error: unknown): { error: string; reason: string } {
  if (error instanceof Error) return { error: error.name, reason: error.message };
  return { error: typeof error, reason: typeof error === 'string' ? error : inspect(error) };
}
