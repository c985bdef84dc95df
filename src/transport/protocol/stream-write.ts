/** Stands for the id of the entry that is written in the same step. */
export const ENTRY_ID: unique symbol = Symbol('order-streams:entry-id');

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
