import { UnencodableEventError } from './errors/unencodable-event.error.js';

/** Stands for the id of the entry that is written in the same step. */
export const ENTRY_ID: unique symbol = Symbol('order-streams:entry-id');

/** A value in a write: text, a number, or the id of the entry written with it. */
export type WriteValue = string | number | typeof ENTRY_ID;

/** One write: a command of the closed list, its key, its arguments. */
export interface StreamWrite {
  readonly command: 'hset' | 'hsetnx' | 'hdel' | 'set' | 'del' | 'pexpire';
  readonly key: string;
  readonly args: readonly WriteValue[];
}

/** Most writes that one step may carry: Redis serves nobody else while it runs. */
const MAX_WRITES = 100;
/** Most arguments of one write. */
const MAX_ARGUMENTS = 1_000;

/**
 * Collects Redis writes that are applied together with a stream entry, in one atomic step or not at all. On a Redis
 * Cluster every key must share the stream's hash slot; `helperKey` of the client makes such keys.
 */
export class StreamWrites {
  private readonly writes: StreamWrite[] = [];

  /** HSET: sets fields of a hash. */
  hset(key: string, fields: Readonly<Record<string, WriteValue>>): this {
    return this.add('hset', key, Object.entries(fields).flat());
  }

  /** HSETNX: sets a field of a hash unless it is there; the first writer wins. */
  hsetnx(key: string, field: string, value: WriteValue): this {
    return this.add('hsetnx', key, [field, value]);
  }

  /** HDEL: removes fields of a hash. */
  hdel(key: string, ...fields: string[]): this {
    return this.add('hdel', key, fields);
  }

  /** SET: sets a string. */
  set(key: string, value: WriteValue): this {
    return this.add('set', key, [value]);
  }

  /** DEL: removes a key. */
  del(key: string): this {
    return this.add('del', key, []);
  }

  /** PEXPIRE: lets a key expire. */
  pexpire(key: string, milliseconds: number): this {
    if (!Number.isSafeInteger(milliseconds) || milliseconds <= 0) {
      throw new UnencodableEventError(`pexpire of "${key}" takes a whole number of milliseconds above 0`);
    }
    return this.add('pexpire', key, [milliseconds]);
  }

  /** What was collected. */
  list(): readonly StreamWrite[] {
    return this.writes;
  }

  private add(command: StreamWrite['command'], key: string, args: readonly WriteValue[]): this {
    if (this.writes.length === MAX_WRITES) {
      throw new UnencodableEventError(`more than ${MAX_WRITES} writes in one step`);
    }
    if (args.length > MAX_ARGUMENTS || (args.length === 0 && command !== 'del')) {
      throw new UnencodableEventError(`${command} of "${key}" takes 1 to ${MAX_ARGUMENTS} arguments`);
    }
    this.writes.push({ command, key, args });
    return this;
  }
}
