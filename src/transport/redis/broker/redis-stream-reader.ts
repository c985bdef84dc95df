import type { Redis } from 'ioredis';
import type { StreamEntry } from '../../entry/entry.js';
import { cutConnection } from '../links/connection.js';
import { reconnect } from '../links/link-watch.js';
import { entryReads, type EntryReads } from '../fast/entry-reads.js';
import type { OnMisfit } from '../fast/paths.js';
import type { StreamReader } from '../port.js';

/** How much longer than the block time an answer may take before the link counts as dead. */
const GRACE_MS = 2_000;

/** Where a reader reads, and as whom. */
export interface ReaderIdentity {
  readonly stream: string;
  readonly group: string;
  readonly consumer: string;
}

/** A {@link StreamReader} on a connection of ioredis. */
export class RedisStreamReader implements StreamReader {
  private readonly reads: EntryReads;

  constructor(
    private readonly redis: Redis,
    private readonly identity: ReaderIdentity,
    private readonly blockMs: number,
    onMisfit: OnMisfit = () => undefined,
  ) {
    this.reads = entryReads(redis, onMisfit);
  }

  async readNew(count: number): Promise<readonly StreamEntry[]> {
    const { stream, group, consumer } = this.identity;
    // A dead link leaves a blocking read waiting for ever; ioredis's blockingTimeout would answer null instead.
    const watchdog = setTimeout(() => reconnect(this.redis), this.blockMs + GRACE_MS);
    try {
      const from = ['GROUP', group, consumer, 'COUNT', count, 'BLOCK', this.blockMs, 'STREAMS', stream, '>'];
      return await this.reads.read(() => this.redis.callBuffer('xreadgroup', ...from));
    } finally {
      clearTimeout(watchdog);
    }
  }

  async whenReady(): Promise<void> {
    while (this.redis.status !== 'ready') {
      if (this.redis.status === 'end') throw new Error('Connection is closed.');
      await new Promise<void>((resolve) => {
        const settle = (): void => {
          this.redis.off('ready', settle).off('end', settle);
          resolve();
        };
        this.redis.once('ready', settle).once('end', settle);
      });
    }
  }

  close(): void {
    cutConnection(this.redis);
  }
}
