import { isDeadLetterStream } from '../../protocol/stream-key.js';
import type { Commit, CommitAnswer, CommitBatch } from '../settlement.js';
import type { WriteArguments } from './write-arguments.js';

/**
 * Lays out commits for the function `commit`: as one text in JSON, which costs both sides less than an argument for
 * each part.
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
  const sent = commits.map((commit) => laidOut(commit, positionOf));
  const [least, greatest] = bounds(commits);
  const limits = [followUps.maxEntries, followUps.maxAgeMs];
  return { keys, args: [sequence, ...limits, least, greatest, JSON.stringify(sent)] };
}

function laidOut({ entry, writes, emits, guard }: Commit, positionOf: (key: string) => number): unknown[] {
  const events = emits.map(({ stream, fields }) => [
    positionOf(stream),
    // Dead letters are kept until they are trimmed on purpose.
    isDeadLetterStream(stream) ? 0 : 1,
    fields,
  ]);
  const made = writes.map(({ command, key, args }) => [command, positionOf(key), args.map(String)]);
  const sent: unknown[] = [entry.id, entry.deliveryCount, events, made];
  if (guard) sent.push([positionOf(guard.key), guard.expected, guard.value, guard.ttlMs]);
  return sent;
}

/** Between which ids the entries lie: where that is wrong they are looked up one by one. */
function bounds(commits: readonly Commit[]): [least: string, greatest: string] {
  const ids = commits.map(({ entry }) => entry.id);
  let [least = '-', greatest = '+'] = [ids[0], ids[0]];
  for (const id of ids) {
    if (isBefore(id, least)) least = id;
    if (isBefore(greatest, id)) greatest = id;
  }
  return [least, greatest];
}

function isBefore(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
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
