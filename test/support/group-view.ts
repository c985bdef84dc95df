import type { Redis } from 'ioredis';
import { fieldsOf } from './original-fields.js';
import { GROUP } from './started-server.js';

/** A row of the pending entries list. */
export interface PendingRow {
  readonly id: string;
  readonly owner: string;
  readonly idleMs: number;
  readonly count: number;
}

/** Everything that is pending in the tests' group. */
export async function pendingRows(redis: Redis, stream: string): Promise<PendingRow[]> {
  const rows = (await redis.xpending(stream, GROUP, '-', '+', 50_000)) as [string, string, number, number][];
  return rows.map(([id, owner, idleMs, count]) => ({ id, owner, idleMs, count }));
}

/** The dead letters of a stream: id and fields as text. */
export async function deadLetters(
  redis: Redis,
  stream: string,
): Promise<{ id: string; fields: Record<string, string> }[]> {
  const entries = await redis.xrange(`${stream}.DLT`, '-', '+');
  return entries.map(([id, fields]) => ({ id, fields: fieldsOf(fields) }));
}

/** Adds orders and resolves with their ids. */
export async function addOrders(
  redis: Redis,
  stream: string,
  orderIds: readonly string[],
  moreFields: readonly string[] = [],
): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const orderId of orderIds) {
    pipeline.xadd(stream, '*', 'orderId', orderId, 'retry', '0', ...moreFields);
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([, id]) => id as string);
}

/** Names `order-0`, `order-1`, … */
export function numbered(count: number, prefix = 'order'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
}

/** How long and how often the entries of a consumer that died had been delivered. */
export interface Abandonment {
  readonly consumer?: string;
  readonly idleMs?: number;
  readonly count?: number;
}

/** Delivers what is new to a consumer that will never say anything again. @returns the ids */
export async function abandon(
  redis: Redis,
  stream: string,
  { consumer = 'dead-consumer', idleMs = 3_600_000, count = 1 }: Abandonment = {},
): Promise<string[]> {
  await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM').catch(() => undefined);
  const reply = (await redis.xreadgroup(
    ...(['GROUP', GROUP, consumer, 'COUNT', 50_000, 'STREAMS', stream, '>'] as const),
  )) as [string, [string, string[]][]][] | null;
  const ids = (reply?.[0]?.[1] ?? []).map(([id]) => id);
  for (let at = 0; at < ids.length; at += 1_000) {
    const page = ids.slice(at, at + 1_000);
    await redis.xclaim(
      ...([stream, GROUP, consumer, 0, ...page, 'IDLE', idleMs, 'RETRYCOUNT', count, 'JUSTID'] as const),
    );
  }
  return ids;
}
