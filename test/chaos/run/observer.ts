import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { openRedis } from '../../support/open-redis.js';
import { fieldsOf } from '../../support/original-fields.js';
import { Ledger } from '../account/ledger.js';

const BLOCK_MS = 100;
const PAGE = 2_000;

/** Copies effects and dead letters out of Redis into ledgers, as they appear. */
export class Observer {
  effects = 0;
  deadLetters = 0;
  private readonly redis: Redis;
  private readonly positions: Map<string, string>;
  private readonly effectLedger: Ledger;
  private readonly deadLedger: Ledger;
  private closed = false;
  private running = Promise.resolve();

  constructor(
    url: string,
    private readonly effectStream: string,
    deadLetterStream: string,
    directory: string,
  ) {
    this.redis = openRedis(url);
    this.positions = new Map([
      [effectStream, '0-0'],
      [deadLetterStream, '0-0'],
    ]);
    this.effectLedger = new Ledger(join(directory, 'effects.ledger'));
    this.deadLedger = new Ledger(join(directory, 'dead-letters.ledger'));
  }

  start(): void {
    this.running = this.read();
  }

  /** Whether everything that the streams hold is in the ledgers. */
  async isUpToDate(direct: Redis): Promise<boolean> {
    for (const [stream, position] of this.positions) {
      const [last] = await direct.xrevrange(stream, '+', '-', 'COUNT', 1);
      if (last && last[0] !== position) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
    this.redis.disconnect();
    this.effectLedger.close();
    this.deadLedger.close();
  }

  private async read(): Promise<void> {
    while (!this.closed) {
      const streams = [...this.positions.keys(), ...this.positions.values()];
      const found = await this.redis
        .xread('COUNT', PAGE, 'BLOCK', BLOCK_MS, 'STREAMS', ...streams)
        .catch(() => null);
      for (const [stream, entries] of found ?? []) {
        for (const [id, fields] of entries) {
          this.record(stream, fieldsOf(fields));
          this.positions.set(stream, id);
        }
      }
    }
  }

  private record(stream: string, fields: Record<string, string>): void {
    if (stream === this.effectStream) {
      const { orderId = '?', entryId = '?' } = parsed(fields);
      this.effectLedger.write(orderId, entryId);
      this.effects += 1;
      return;
    }
    const { orderId = '?' } = parsed(fields);
    this.deadLedger.write(orderId, fields['dlt-original-id'] ?? '?', fields['dlt-reason'] ?? '?');
    this.deadLetters += 1;
  }
}

/** The payload of an entry of ours, or its fields where it is flat. */
function parsed(fields: Record<string, string>): { orderId?: string; entryId?: string } {
  try {
    return JSON.parse(fields.data ?? '') as { orderId?: string };
  } catch {
    return fields;
  }
}
