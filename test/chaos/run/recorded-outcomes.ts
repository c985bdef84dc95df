import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { Ledger, readLedgers } from '../account/ledger.js';

const PAGE = 500;

/** Copies what the service recorded of each acknowledged order into a ledger. */
export async function recordedOutcomes(redis: Redis, stream: string, directory: string): Promise<void> {
  const ledger = new Ledger(join(directory, 'outcomes.ledger'));
  const orders = [...new Set(readLedgers(directory, 'acknowledged').map(([orderId = '']) => orderId))];
  for (let at = 0; at < orders.length; at += PAGE) {
    const page = orders.slice(at, at + PAGE);
    const pipeline = redis.pipeline();
    for (const orderId of page) pipeline.hget(`{${stream}}:order:${orderId}`, 'outcome');
    const replies = (await pipeline.exec()) ?? [];
    replies.forEach(([, text], index) => {
      const outcome = JSON.parse((text as string | null) ?? '{}') as { state?: string; entryId?: string };
      if (outcome.state === 'processed') ledger.write(page[index] ?? '', outcome.entryId ?? '');
    });
  }
  ledger.close();
}
