import { openConnection } from '../../../src/transport/redis/links/connection.js';
import { entriesOf, type ReadReply } from '../../../src/transport/redis/entry-replies.js';
import { RedisRecovery } from '../../../src/transport/redis/broker/redis-recovery.js';
import { RedisStreamReader } from '../../../src/transport/redis/broker/redis-stream-reader.js';
import type { StreamEntry } from '../../../src/transport/entry/entry.js';
import type { RecoveryBroker, StreamReader } from '../../../src/transport/redis/port.js';
import { Redis } from 'ioredis';
import { GROUP } from '../started-server.js';
import type { BrokenMethods } from './seed.js';

/** Stands for the death of a process between two commands: what should come next never does. */
const death = (): Promise<never> => new Promise(() => undefined);

/** Copies to the dead-letter stream and acknowledges in two commands. */
export const COPY_THEN_ACK: BrokenMethods = {
  async deadLetter(stream, { entry, added }) {
    const [[, fields] = ['', []]] = await this.redis.commands.xrange(stream, entry.id, entry.id);
    await this.redis.commands.xadd(`${stream}.DLT`, '*', ...fields, ...added);
    return death();
  },
};

/** Acknowledges, and copies to the dead-letter stream after that. */
export const ACK_FIRST: BrokenMethods = {
  async deadLetter(stream, { entry }) {
    await this.redis.commands.xack(stream, GROUP, entry.id);
    return death();
  },
};

/** Refreshes every entry that is held without asking whose it is by now. */
export const UNGUARDED_HEARTBEAT: BrokenMethods = {
  async extend(stream, entries) {
    const [name = ''] = (await this.redis.commands.client('GETNAME'))?.split(':') ?? [];
    for (const { id } of entries) await this.redis.commands.xclaim(stream, GROUP, name, 0, id, 'JUSTID');
    return [];
  },
};

/** Makes the group at the end of the stream. */
export const DOLLAR: BrokenMethods = {
  async ensureGroup(stream) {
    await this.redis.commands.xgroup('CREATE', stream, GROUP, '$', 'MKSTREAM').catch(() => undefined);
    return { wasLost: false };
  },
};

/** Deletes silent consumers, whatever is pending for them. */
export const DELCONSUMER: BrokenMethods = {
  async consumers(stream) {
    const rows = (await this.redis.commands.xinfo('CONSUMERS', stream, GROUP)) as unknown[][];
    return rows
      .map((row) => ({ name: String(row[1]), pending: 0, idleMs: 3_600_000 }))
      .filter(({ name }) => name !== '@retry');
  },
  async reapConsumer(stream, consumer) {
    await this.redis.commands.xgroup('DELCONSUMER', stream, GROUP, consumer);
    return true;
  },
};

/** Looks at one page of what is pending, and takes one without an idle entry for the last. */
export const STOP_AT_AN_EMPTY_PAGE: BrokenMethods = {
  async pendingOf(stream, consumer, from, limit) {
    const rows = await this.redis.commands.xpending(stream, GROUP, from, '+', limit, consumer);
    return (rows as [string, string, number, number][])
      .map(([id, , idleMs, deliveryCount]) => ({ id, idleMs, deliveryCount }))
      .filter(({ idleMs }) => idleMs > 60_000);
  },
};

const claimDue = Object.getOwnPropertyDescriptor(RedisRecovery.prototype, 'claimDue')
  ?.value as RecoveryBroker['claimDue'];

/** Asks the clock of its own process whether a retry is due. */
export const OWN_CLOCK: BrokenMethods = {
  async claimDue(stream, limit, maxDelayMs) {
    const due = await this.redis.commands.zcount(`{${stream}}:${GROUP}:retry`, '-inf', Date.now());
    if (due === 0) return { entries: [], vanished: [] };
    return claimDue.call(new RedisRecovery(this.redis), stream, limit, maxDelayMs);
  },
};

/** Takes whatever says that a replay wrote it for what a replay wrote. */
export const BELIEVE_PRODUCERS: BrokenMethods = {
  wasReplayed() {
    return Promise.resolve(true);
  },
};

/** Trims to a length, whoever has read what. */
export const MAXLEN_TRIM: BrokenMethods = {
  async trim(stream, { maxEntries }) {
    return { removed: await this.redis.commands.xtrim(stream, 'MAXLEN', maxEntries), staleGroups: [] };
  },
};

/** Relies on the option of ioredis to notice a dead link. */
export function readerWithBlockingTimeout(
  url: string,
  stream: string,
  blockMs: number,
  consumer = 'reader',
): StreamReader {
  const redis = new Redis(url, { blockingTimeout: 2 * blockMs, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  return new UnwatchedReader(redis, stream, blockMs, consumer);
}

/** As {@link readerWithBlockingTimeout}, for a whole transport. */
export const BLOCKING_TIMEOUT: BrokenMethods = {
  openReader(stream) {
    const { host = '', port = 0, connectionName = '' } = this.redis.commands.options;
    const consumer = connectionName.replace(/:commands$/, '');
    return readerWithBlockingTimeout(`redis://${host}:${port}`, stream, 1_000, consumer);
  },
};

/** The reader as it is. */
export function properReader(url: string, stream: string, blockMs: number): StreamReader {
  const redis = openConnection({ url }, 'reader', 'reader');
  return new RedisStreamReader(redis, { stream, group: GROUP, consumer: 'reader' }, blockMs);
}

class UnwatchedReader implements StreamReader {
  constructor(
    private readonly redis: Redis,
    private readonly stream: string,
    private readonly blockMs: number,
    private readonly consumer: string,
  ) {}

  async readNew(count: number): Promise<readonly StreamEntry[]> {
    const from = [
      'GROUP',
      GROUP,
      this.consumer,
      'COUNT',
      count,
      'BLOCK',
      this.blockMs,
      'STREAMS',
      this.stream,
      '>',
    ];
    return entriesOf((await this.redis.callBuffer('xreadgroup', ...from)) as ReadReply);
  }

  whenReady(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.redis.disconnect();
  }
}
