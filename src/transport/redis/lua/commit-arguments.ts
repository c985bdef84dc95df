import { isDeadLetterStream } from '../../entry/names.js';
import type { Commit, CommitBatch } from '../settlement.js';
import { idBounds, type WriteArguments } from './write-arguments.js';

/**
 * Lays out commits for the function `commit`: what many of them share, their form, once; and only what is their own for
 * each.
 *
 * @param ownKeys - the keys that it declares before those of the commits
 */
export function commitArguments(batch: CommitBatch, ownKeys: readonly string[]): WriteArguments {
  const { sequence, commits, followUps } = batch;
  const streams: string[] = [];
  const keys: string[] = [];
  const args: string[] = [];
  const forms: Commit[] = [];
  const places: number[] = [];
  for (const commit of commits) {
    places.push(placeOf(commit, forms));
    push(commit, streams, keys, args);
  }
  const sent = forms.map((form) => laidOut(form, (stream) => ownKeys.length + 1 + streams.indexOf(stream)));
  const [least, greatest] = idBounds(commits.map(({ entry }) => entry));
  return {
    keys: [...ownKeys, ...streams, ...keys],
    args: [
      ...[sequence, followUps.maxEntries, followUps.maxAgeMs, least, greatest],
      ...[JSON.stringify([sent, places, streams.length]), JSON.stringify(args)],
    ],
  };
}

/** The place of the form of a commit, counted from 1; a new one is added. */
function placeOf(commit: Commit, forms: Commit[]): number {
  const place = forms.findIndex((form) => haveOneForm(form, commit));
  return place < 0 ? forms.push(commit) : place + 1;
}

function haveOneForm(a: Commit, b: Commit): boolean {
  return (
    a.entry.deliveryCount === b.entry.deliveryCount &&
    (a.guard === undefined) === (b.guard === undefined) &&
    a.emits.length === b.emits.length &&
    a.writes.length === b.writes.length &&
    a.emits.every((emit, i) => {
      const other = b.emits[i];
      return emit.stream === other?.stream && emit.fields.length === other.fields.length;
    }) &&
    a.writes.every((write, i) => {
      const other = b.writes[i];
      return write.command === other?.command && write.args.length === other.args.length;
    })
  );
}

function laidOut({ entry, writes, emits, guard }: Commit, positionOf: (stream: string) => number): unknown[] {
  const events = emits.map(({ stream, fields }) => [
    positionOf(stream),
    // Dead letters are kept until they are trimmed on purpose.
    isDeadLetterStream(stream) ? 0 : 1,
    fields.length,
  ]);
  const made = writes.map(({ command, args }) => [command, args.length]);
  return [entry.deliveryCount, events, made, guard ? 1 : 0];
}

function push(
  { entry, guard, emits, writes }: Commit,
  streams: string[],
  keys: string[],
  args: string[],
): void {
  args.push(entry.id);
  if (guard) {
    keys.push(guard.key);
    args.push(guard.expected, guard.value, String(guard.ttlMs));
  }
  for (const { stream, fields } of emits) {
    if (!streams.includes(stream)) streams.push(stream);
    for (const part of fields) args.push(part);
  }
  for (const { key, args: values } of writes) {
    keys.push(key);
    for (const value of values) args.push(String(value));
  }
}
