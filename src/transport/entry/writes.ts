import { UnencodableEventError } from './client-errors.js';

/** Stands for the id of the entry that is written in the same step. */
export const ENTRY_ID: unique symbol = Symbol.for('order-streams/entry-id');

/** A value in a write: text, a number, or the id of the entry written with it. */
export type WriteValue = string | number | typeof ENTRY_ID;

/** The commands that can travel with a step. */
export type WriteCommand =
  | 'hset'
  | 'hsetnx'
  | 'hdel'
  | 'hincrby'
  | 'set'
  | 'del'
  | 'incrby'
  | 'sadd'
  | 'srem'
  | 'zadd'
  | 'zrem'
  | 'rpush'
  | 'lpush'
  | 'pexpire'
  | 'onlyifabsent'
  | 'onlyifsame';

/** One write: a command of the closed list, its key, its arguments. */
export interface StreamWrite {
  readonly command: WriteCommand;
  readonly key: string;
  readonly args: readonly WriteValue[];
}

/** Most writes that one step may carry: Redis serves nobody else while it runs. */
const MAX_WRITES = 100;
/** Most arguments of one write. */
const MAX_ARGUMENTS = 1_000;
const LEAST_INTEGER = -(2n ** 63n);
const GREATEST_INTEGER = 2n ** 63n - 1n;

/** The closed list of Redis writes that can travel with a step; all of them are applied with it, or none. */
export abstract class WriteCollector<V extends WriteValue> {
  /** @internal */
  protected readonly writes: StreamWrite[] = [];
  private over: string | undefined;

  /** HSET: sets fields of a hash. */
  hset(key: string, fields: Readonly<Record<string, V>>): this {
    const args: WriteValue[] = [];
    for (const [name, value] of Object.entries(fields)) args.push(name, value);
    return this.add('hset', key, args);
  }

  /** HSETNX: sets a field of a hash unless it is there; the first writer wins. */
  hsetnx(key: string, field: string, value: V): this {
    return this.add('hsetnx', key, [field, value]);
  }

  /** HDEL: removes fields of a hash. */
  hdel(key: string, ...fields: string[]): this {
    return this.add('hdel', key, fields);
  }

  /** HINCRBY: adds a whole number, which may be negative, to a field of a hash. */
  hincrby(key: string, field: string, increment: number | bigint): this {
    return this.add('hincrby', key, [field, this.integer('hincrby', key, increment)]);
  }

  /** SET: sets a string; a time to live that the key had is gone. */
  set(key: string, value: V): this {
    return this.add('set', key, [value]);
  }

  /** DEL: removes a key. */
  del(key: string): this {
    return this.add('del', key, []);
  }

  /** INCRBY: adds a whole number, which may be negative, to a string that holds one. */
  incrby(key: string, increment: number | bigint): this {
    return this.add('incrby', key, [this.integer('incrby', key, increment)]);
  }

  /** SADD: adds members to a set. */
  sadd(key: string, ...members: V[]): this {
    return this.add('sadd', key, members);
  }

  /** SREM: removes members of a set. */
  srem(key: string, ...members: V[]): this {
    return this.add('srem', key, members);
  }

  /** ZADD: sets the scores of members of a sorted set. */
  zadd(key: string, scores: Readonly<Record<string, number>>): this {
    const args = Object.entries(scores).flatMap(([member, score]) => [this.score(key, score), member]);
    return this.add('zadd', key, args);
  }

  /** ZREM: removes members of a sorted set. */
  zrem(key: string, ...members: V[]): this {
    return this.add('zrem', key, members);
  }

  /** RPUSH: appends values to a list. */
  rpush(key: string, ...values: V[]): this {
    return this.add('rpush', key, values);
  }

  /** LPUSH: puts values before a list, each before the one before it. */
  lpush(key: string, ...values: V[]): this {
    return this.add('lpush', key, values);
  }

  /** PEXPIRE: lets a key expire after that many milliseconds. */
  pexpire(key: string, milliseconds: number): this {
    if (!Number.isSafeInteger(milliseconds) || milliseconds <= 0) {
      throw this.unusable(`pexpire of "${key}" takes a whole number of milliseconds above 0`);
    }
    return this.add('pexpire', key, [milliseconds]);
  }

  /** @internal what was collected */
  list(): readonly StreamWrite[] {
    return this.writes;
  }

  /** @internal the error for a write that no Redis could make */
  protected abstract unusable(problem: string): Error;
  /** @internal the error for more than one step may carry */
  protected abstract tooMuch(problem: string): Error;

  /** @internal */
  protected add(command: WriteCommand, key: string, args: readonly WriteValue[]): this {
    this.assertOpen(command);
    if (typeof key !== 'string' || key === '' || !key.isWellFormed()) {
      throw this.unusable(`${command} needs a key`);
    }
    if (this.writes.length === MAX_WRITES) {
      throw this.tooMuch(`more than ${MAX_WRITES} writes in one step`);
    }
    if (args.length === 0 && command !== 'del') {
      throw this.unusable(`${command} of "${key}" takes 1 to ${MAX_ARGUMENTS} arguments`);
    }
    if (args.length > MAX_ARGUMENTS) {
      throw this.tooMuch(`${command} of "${key}" takes 1 to ${MAX_ARGUMENTS} arguments`);
    }
    for (const arg of args) {
      if (typeof arg === 'string' ? !arg.isWellFormed() : typeof arg !== 'symbol' && !Number.isFinite(arg)) {
        throw this.unusable(
          `${command} of "${key}" takes well-formed text and finite numbers, not ${String(arg)}`,
        );
      }
    }
    this.writes.push({ command, key, args });
    return this;
  }

  /**
   * Refuses all further writes, as what was collected is on its way.
   *
   * @param collectedBy - what was given it
   * @internal
   */
  close(collectedBy: string): void {
    this.over = collectedBy;
  }

  /** @internal */
  protected open(): void {
    this.over = undefined;
  }

  /** @internal */
  protected assertOpen(command: string): void {
    if (this.over === undefined) return;
    throw this.unusable(
      `${command} came too late: write before ${this.over} returns, and do not keep what it was given`,
    );
  }

  private integer(command: WriteCommand, key: string, value: number | bigint): string {
    const isWhole = typeof value === 'bigint' || Number.isSafeInteger(value);
    if (!isWhole || value < LEAST_INTEGER || value > GREATEST_INTEGER) {
      throw this.unusable(
        `${command} of "${key}" takes an integer of 64 bits (above 2^53 as a bigint), not ${String(value)}`,
      );
    }
    return String(typeof value === 'bigint' ? value : value + 0);
  }

  private score(key: string, score: number): string {
    if (typeof score !== 'number' || Number.isNaN(score)) {
      throw this.unusable(`zadd of "${key}" takes numbers for scores, not ${String(score)}`);
    }
    if (Number.isFinite(score)) return String(score);
    return score > 0 ? 'inf' : '-inf';
  }
}

/**
 * Collects Redis writes that are applied together with a stream entry, in one atomic step or not at all. On a Redis
 * Cluster every key must share the stream's hash slot; `helperKey` of the client makes such keys.
 */
export class StreamWrites extends WriteCollector<WriteValue> {
  /**
   * Makes the writes of the step depend on a field of a hash: where it is there and holds another value, none of them is
   * made. An entry is then not added either, and the emit fails with {@link ContradictedWritesError}; a step that ends or
   * parks an entry does that alone.
   */
  onlyIfSame(key: string, field: string, value: WriteValue): this {
    return this.add('onlyifsame', key, [field, value]);
  }

  /** @internal */
  protected override unusable(problem: string): Error {
    return new UnencodableEventError(problem);
  }

  /** @internal */
  protected override tooMuch(problem: string): Error {
    return new UnencodableEventError(problem);
  }
}

/** Collects Redis writes that are applied together with the step that parks or dead-letters an entry. */
export class SettlementWrites extends StreamWrites {
  /**
   * Lets the step happen only if the hash has no such field by then. Otherwise the entry is acknowledged and nothing
   * else is done (event `duplicate`): what it brought has ended, through another entry.
   */
  onlyIfAbsent(key: string, field: string): this {
    return this.add('onlyifabsent', key, [field]);
  }
}
