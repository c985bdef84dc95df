import { isDeadLetterStream } from '../../protocol/stream-key.js';
import type { CommitAnswer, CommitBatch } from '../settlement.js';
import { pushWrites, type WriteArguments } from './write-arguments.js';

/**
 * Lays out commits for the function `commit`.
 *
 * @param ownKeys - the keys that it declares before those of the commits
 */
export function commitArguments(batch: CommitBatch, ownKeys: readonly string[]): WriteArguments {
  const { sequence, commits, followUps } = batch;
  const keys = [...ownKeys];
  const positions = new Map<string, number>();
  const positionOf = (key: string): number => {
    const known = positions.get(key);
    if (known !== undefined) return known;
    positions.set(key, keys.push(key));
    return keys.length;
  };
  const args: (string | number)[] = [sequence, followUps.maxEntries, followUps.maxAgeMs, commits.length];
  for (const { entry, writes, emits, guard } of commits) {
    args.push(entry.id, entry.deliveryCount);
    if (guard) args.push(positionOf(guard.key), guard.expected, guard.value, guard.ttlMs);
    else args.push(0);
    args.push(emits.length);
    for (const { stream, fields } of emits) {
      // Dead letters are kept until they are trimmed on purpose.
      args.push(positionOf(stream), isDeadLetterStream(stream) ? 0 : 1, fields.length, ...fields);
    }
    pushWrites(args, writes, positionOf);
  }
  return { keys, args };
}

/** Reads what the function answered. */
export function answersOf(answers: readonly string[]): CommitAnswer[] {
  return answers.map((answer) => {
    switch (answer) {
      case 'done':
      case 'gone':
      case 'taken':
      case 'vanished':
      case 'duplicate':
      case 'superseded':
        return answer;
      default:
        return { refused: answer };
    }
  });
}
