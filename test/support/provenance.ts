import type { Redis } from 'ioredis';
import { letterNotesOf, replayNotesOf } from '../../src/transport/entry/names.js';

/** Notes that a replay made an entry, as the step of the library does. */
export async function noteReplayed(redis: Redis, stream: string, id: string): Promise<void> {
  await redis.zadd(replayNotesOf(stream), Number.parseInt(id, 10), id);
}

/** Notes that this library wrote a dead letter, as dead-lettering does. */
export async function noteLetters(redis: Redis, stream: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await redis.zadd(letterNotesOf(stream), ...ids.flatMap((id) => [Number.parseInt(id, 10), id]));
}

/** Adds an entry as a replay does: with its note, in one step. @returns its id */
export async function addReplayed(
  redis: Redis,
  stream: string,
  fields: readonly (string | Buffer)[],
): Promise<string> {
  const id = (await redis.eval(
    `local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV))
    redis.call('ZADD', KEYS[2], string.match(id, '^%d+'), id)
    return id`,
    ...[2, stream, replayNotesOf(stream), ...fields],
  )) as string;
  return id;
}
