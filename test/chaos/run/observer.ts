import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { cutConnection } from '../../../src/transport/redis/links/connection.js';
import { fieldsOf } from '../../support/original-fields.js';
import { compareIds } from '../account/account.js';
import { Ledger } from '../account/ledger.js';

const BLOCK_MS = 100;
const PAGE = 2_000;

/** What is copied, by what, and into which ledgers. */
export interface Observed {
  /** Opens a connection; each stream has its own, since a cluster may keep them apart. */
  readonly open: () => Redis;
  readonly effectStream: string;
  readonly deadLetterStream: string;
  readonly directory: string;
  /** Begin of the ledgers' names. */
  readonly prefix?: string;
}

/** Copies effects and dead letters out of Redis into ledgers, as they appear. */
export class Observer {
  effects = 0;
  deadLetters = 0;
  private readonly connections = new Map<string, Redis>();
  private readonly positions = new Map<string, string>();
  private readonly effectLedger: Ledger;
  private readonly deadLedger: Ledger;
  private closed = false;
  private running: Promise<unknown> = Promise.resolve();

  constructor(private readonly observed: Observed) {
    const { open, effectStream, deadLetterStream, directory, prefix = '' } = observed;
    for (const stream of [effectStream, deadLetterStream]) {
      this.connections.set(stream, open());
      this.positions.set(stream, '0-0');
    }
    this.effectLedger = new Ledger(join(directory, `${prefix}effects.ledger`));
    this.deadLedger = new Ledger(join(directory, `${prefix}dead-letters.ledger`));
  }

  start(): void {
    this.running = Promise.all([...this.connections].map(([stream, redis]) => this.read(stream, redis)));
  }

  /** Whether everything that the streams hold is in the ledgers. */
  async isUpToDate(direct: Redis): Promise<boolean> {
    for (const [stream, position] of this.positions) {
      const [last] = await direct.xrevrange(stream, '+', '-', 'COUNT', 1);
      if (last && compareIds(last[0], position) > 0) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
    for (const redis of this.connections.values()) cutConnection(redis);
    this.effectLedger.close();
    this.deadLedger.close();
  }

  private async read(stream: string, redis: Redis): Promise<void> {
    while (!this.closed) {
      const from = this.positions.get(stream) ?? '0-0';
      const found = await redis
        .xread('COUNT', PAGE, 'BLOCK', BLOCK_MS, 'STREAMS', stream, from)
        .catch(() => null);
      for (const [id, fields] of found?.[0]?.[1] ?? []) {
        this.record(stream, fieldsOf(fields));
        this.positions.set(stream, id);
      }
    }
  }

  private record(stream: string, fields: Record<string, string>): void {
    if (stream === this.observed.effectStream) {
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
