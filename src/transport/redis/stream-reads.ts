import { deadLetterKeyOf, isDeadLetterStream } from '../entry/names.js';
import { failureOf } from './redis-failure.js';

/** What commands are sent through: an `ioredis` client, or what `unwrap()` of the server or of a client gives. */
export interface CommandSender {
  /** Whether it speaks to a Redis Cluster, where dead letters lie in the slot of their stream. */
  readonly isCluster?: boolean;
  /** Sends a command, and resolves with the answer of Redis. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>;
}

/** A group, as XINFO GROUPS reports it. */
export interface GroupRow {
  readonly name: string;
  readonly pending: number;
  readonly lastDeliveredId: string;
  /** What Redis holds to be the lag; null where it does not know. It is too much for ever after some losses and restarts. */
  readonly lag: number | null;
}

/** A consumer, as XINFO CONSUMERS reports it. */
export interface ConsumerRow {
  readonly name: string;
  readonly pending: number;
  readonly idleMs: number;
}

/** A stream and its groups, or what stands in the way of reading them. */
export interface StreamRow {
  readonly state: 'present' | 'missing' | 'wrong-type';
  readonly length: number;
  /** The id of the last entry that was added, and that of the first that is there; absent when not asked for. */
  readonly lastId?: string;
  readonly firstId?: string;
  readonly groups: readonly GroupRow[];
}

/**
 * Commands that look at streams and change nothing. Each takes Redis the same time however long the stream or its
 * pending list is, so none of them holds up those who work; XINFO STREAM FULL and XPENDING over everything would.
 */
export class StreamReads {
  constructor(private readonly sender: CommandSender) {}

  /** @param withExtent - whether to ask for its first and its last id, which brings the entries of these ids as well */
  async stream(key: string, withExtent: boolean): Promise<StreamRow> {
    try {
      const [stream, groups] = await Promise.all([
        withExtent ? this.sender.call('XINFO', 'STREAM', key) : this.sender.call('XLEN', key),
        this.sender.call('XINFO', 'GROUPS', key),
      ]);
      const [row] = withExtent ? rowsOf([stream]) : [];
      return {
        state: 'present',
        length: Number(row ? row.get('length') : stream),
        ...(row && {
          lastId: String(row.get('last-generated-id')),
          firstId: String(row.get('recorded-first-entry-id')),
        }),
        groups: rowsOf(groups).map(groupOf),
      };
    } catch (error) {
      return { state: absenceOf(error), length: 0, groups: [] };
    }
  }

  /** How many entries follow an id; `most` if there are as many or more. */
  async countBehind(key: string, id: string, most: number): Promise<number> {
    return ((await this.sender.call('XRANGE', key, `(${id}`, '+', 'COUNT', most)) as unknown[]).length;
  }

  /** How many dead letters a stream has; undefined for a dead-letter stream, and where the key holds something else. */
  async deadLetters(key: string): Promise<number | undefined> {
    if (isDeadLetterStream(key)) return undefined;
    try {
      return Number(await this.sender.call('XLEN', deadLetterKeyOf(key, this.sender.isCluster)));
    } catch (error) {
      if (failureOf(error) === 'wrong-type') return undefined;
      throw error;
    }
  }

  /** Undefined when the group is gone. */
  async consumers(key: string, group: string): Promise<ConsumerRow[] | undefined> {
    const reply = await unlessGone(this.sender.call('XINFO', 'CONSUMERS', key, group));
    return reply === undefined ? undefined : rowsOf(reply).map(consumerOf);
  }

  /** The id of the oldest entry that is pending. */
  async oldestPending(key: string, group: string): Promise<string | undefined> {
    const reply = await unlessGone(this.sender.call('XPENDING', key, group, '-', '+', 1));
    return (reply as [id: string][] | undefined)?.[0]?.[0];
  }

  /** What time it is for Redis, in milliseconds. */
  async now(): Promise<number> {
    const [seconds, micros] = (await this.sender.call('TIME')) as [string, string];
    return Math.floor(Number(seconds) * 1_000 + Number(micros) / 1_000);
  }
}

function absenceOf(error: unknown): 'missing' | 'wrong-type' {
  if (failureOf(error) === 'wrong-type') return 'wrong-type';
  if (isNoSuchKey(error)) return 'missing';
  throw error;
}

async function unlessGone(reply: Promise<unknown>): Promise<unknown> {
  try {
    return await reply;
  } catch (error) {
    if (failureOf(error) === 'group-missing' || isNoSuchKey(error)) return undefined;
    throw error;
  }
}

function isNoSuchKey(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('ERR no such key');
}

/** Names and values in turn, row by row; the order of the names differs by version. */
function rowsOf(reply: unknown): Map<string, unknown>[] {
  return (reply as unknown[][]).map((row) => {
    const values = new Map<string, unknown>();
    for (let at = 0; at < row.length; at += 2) values.set(String(row[at]), row[at + 1]);
    return values;
  });
}

function groupOf(row: Map<string, unknown>): GroupRow {
  const lag = row.get('lag');
  return {
    name: String(row.get('name')),
    pending: Number(row.get('pending')),
    lastDeliveredId: String(row.get('last-delivered-id')),
    lag: typeof lag === 'number' ? lag : null,
  };
}

function consumerOf(row: Map<string, unknown>): ConsumerRow {
  return {
    name: String(row.get('name')),
    pending: Number(row.get('pending')),
    idleMs: Number(row.get('idle')),
  };
}
