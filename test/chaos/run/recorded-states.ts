import type { Redis } from 'ioredis';
import { readLedgers } from '../account/ledger.js';

const PAGE = 500;

/** Orders of which the service says something else than the ledgers. @returns a sentence, if there are any */
export async function contradictionsOf(
  redis: Redis,
  stream: string,
  directory: string,
  prefix = '',
): Promise<string[]> {
  const ordersIn = (ledger: string): Set<string> =>
    new Set(readLedgers(directory, ledger).map(([orderId = '']) => orderId));
  const processed = ordersIn(`${prefix}effects`);
  const dead = ordersIn(`${prefix}dead-letters`);
  const orders = [...ordersIn('acknowledged')];
  const wrong: string[] = [];
  for (let at = 0; at < orders.length; at += PAGE) {
    const page = orders.slice(at, at + PAGE);
    const states = await statesOf(redis, stream, page);
    page.forEach((orderId, index) => {
      const expected = processed.has(orderId) ? 'processed' : dead.has(orderId) ? 'dead-lettered' : 'open';
      if (states[index] !== expected) wrong.push(`${orderId} is ${states[index]}, not ${expected}`);
    });
  }
  return wrong.length > 0 ? [`${wrong.length} states are wrong: ${wrong.slice(0, 5).join('; ')}`] : [];
}

async function statesOf(redis: Redis, stream: string, orders: readonly string[]): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const orderId of orders) pipeline.hget(`{${stream}}:order:${orderId}`, 'outcome');
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([, text]) => {
    const { state = 'open' } = JSON.parse((text as string | null) ?? '{}') as { state?: string };
    return state;
  });
}
