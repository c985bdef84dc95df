import type { Redis } from 'ioredis';
import {
  deadLetterKeyOf,
  helperKeyOf,
  letterNotesOf,
  replayNotesOf,
  waitingListOf,
} from '../../entry/names.js';
import { FunctionLibrary } from '../lua/function-library.js';
import type { EntryRef } from '../settlement.js';

/** Most entries that one call claims or removes: Redis serves nobody else meanwhile. */
export const PAGE = 500;

/** Most entries whose presence one call tests, for which Redis has to read each one whole. */
const TESTED_PAGE = 100;

/** The consumer that entries waiting for a retry are pending for. */
export const PARKING = '@retry';

/** Whether a consumer is no process: what is pending for it waits for something, and only that takes it out. */
export function isReserved(consumer: string): boolean {
  return consumer.startsWith('@');
}

/** What the parts of the broker share: a connection, the library, who we are, and which keys are ours. */
export class RedisCommands {
  readonly functions: FunctionLibrary;

  constructor(
    readonly commands: Redis,
    readonly group: string,
    readonly consumer: string,
  ) {
    this.functions = new FunctionLibrary(commands);
  }

  /** A key next to a stream that belongs to the group. */
  key(stream: string, ...parts: string[]): string {
    return helperKeyOf(stream, this.group, ...parts);
  }

  /** The entries of the group that wait for a retry. */
  waitingList(stream: string): string {
    return waitingListOf(stream, this.group);
  }

  /**
   * Where is noted what only this library may say: entries that a replay made, our dead letters, and entries of which the
   * group has made one. Producers cannot write there.
   */
  notes(stream: string): { replayed: string; letters: string; deadLettered: string } {
    return {
      replayed: replayNotesOf(stream),
      letters: letterNotesOf(stream),
      deadLettered: this.key(stream, 'dead-lettered'),
    };
  }

  /** The stream that failed entries of a stream go to. */
  deadLetterKey(stream: string): string {
    return deadLetterKeyOf(stream, this.commands.isCluster);
  }

  me(): [group: string, consumer: string] {
    return [this.group, this.consumer];
  }
}

/** Ids and counts in turn. */
export function flat(entries: readonly EntryRef[]): (string | number)[] {
  return entries.flatMap(({ id, deliveryCount }) => [id, deliveryCount]);
}

/** Entries in portions of one call. */
export function* pagesOf(entries: readonly EntryRef[]): Generator<readonly EntryRef[]> {
  for (let at = 0; at < entries.length; at += TESTED_PAGE) yield entries.slice(at, at + TESTED_PAGE);
}
