import type { Redis } from 'ioredis';
import { noteLetters } from './provenance.js';

export interface Seeding {
  readonly stream: string;
  readonly group: string;
  readonly count: number;
  /** Order ids begin with it. */
  readonly prefix: string;
  readonly replays?: number;
}

/** Writes dead letters as dead-lettering does. @returns their order ids */
export async function seedDeadLetters(redis: Redis, seeding: Seeding): Promise<string[]> {
  const { stream, group, count, prefix, replays = 0 } = seeding;
  const orderIds = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const pipeline = redis.pipeline();
  orderIds.forEach((orderId, i) =>
    pipeline.xadd(
      `${stream}.DLT`,
      '*',
      ...['data', JSON.stringify({ orderId }), 'retry', '2', 'dlt-reason', 'retries-exhausted'],
      ...['dlt-original-stream', stream, 'dlt-original-id', `1-${i + 1}`],
      ...['dlt-original-consumer-group', group, 'dlt-replays', String(replays)],
    ),
  );
  const added = (await pipeline.exec()) ?? [];
  await noteLetters(
    redis,
    stream,
    added.map(([, id]) => String(id)),
  );
  return orderIds;
}

/** How often each order stands in a stream. */
export async function timesInStream(redis: Redis, stream: string): Promise<Record<string, number>> {
  const times: Record<string, number> = {};
  for (const [, fields] of await redis.xrange(stream, '-', '+')) {
    const { orderId } = JSON.parse(fields[fields.indexOf('data') + 1] ?? '{}') as { orderId: string };
    times[orderId] = (times[orderId] ?? 0) + 1;
  }
  return times;
}

/** Each of them once, and nothing else. */
export const onceEach = (orderIds: readonly string[]): Record<string, number> =>
  Object.fromEntries(orderIds.map((orderId) => [orderId, 1]));
