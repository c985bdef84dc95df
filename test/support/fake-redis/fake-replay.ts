import { deadLetterKeyOf, helperKeyOf, letterNotesOf, replayNotesOf } from '../broker-port.js';
import type { TakenOutLetter } from '../stream-world.js';
import type { FakeStore } from './fake-store.js';

const RENAMED = 'dlt-original-field-';
const REPLAY_FIELDS = new Set(['dlt-replays', 'replay-group', 'replay-history']);
const MOST_REPLAYS = 999_999;
const LONGEST_HISTORY = 1_000;
const MOST_STEPS = 10;

type Pair = readonly [name: string, value: Buffer];

/** Takes dead letters out of the stream of them, as an operator does it. */
export class FakeReplay {
  private readonly letters: string;

  constructor(
    private readonly store: FakeStore,
    private readonly stream: string,
  ) {
    this.letters = deadLetterKeyOf(stream);
  }

  /** Moves a dead letter back to its stream. */
  replay(id: string): TakenOutLetter {
    const before = this.takenBefore(id);
    if (before) return before;
    const fields = this.store.stream(this.letters).entries.get(id);
    if (!fields) return { outcome: 'missing' };
    if (!this.store.notesOf(letterNotesOf(this.stream)).has(id)) return { outcome: 'foreign' };
    const { info, originals } = readLetter(fields);
    const parts = this.entryOf(id, info, originals);
    const entryId = this.store.add(this.stream, parts);
    this.store.notesOf(replayNotesOf(this.stream)).add(entryId);
    this.remove(id, `replayed ${entryId}`);
    return { outcome: 'done', entryId, parts };
  }

  discard(id: string): TakenOutLetter {
    const before = this.takenBefore(id);
    if (before) return before;
    if (!this.store.stream(this.letters).entries.has(id)) return { outcome: 'missing' };
    this.remove(id, 'discarded ');
    return { outcome: 'done' };
  }

  private receipt(id: string): string {
    return helperKeyOf(this.stream, '@taken-out', id);
  }

  private takenBefore(id: string): TakenOutLetter | undefined {
    const [outcome, entryId] = (this.store.strings.get(this.receipt(id)) ?? '').split(' ');
    if (!outcome) return undefined;
    return entryId ? { outcome, entryId } : { outcome };
  }

  private remove(id: string, receipt: string): void {
    this.store.stream(this.letters).entries.delete(id);
    this.store.notesOf(letterNotesOf(this.stream)).delete(id);
    this.store.strings.set(this.receipt(id), receipt);
  }

  private entryOf(id: string, info: ReadonlyMap<string, string>, originals: readonly Pair[]): Buffer[] {
    const own = originals.filter(([name]) => !REPLAY_FIELDS.has(name));
    const replays = Math.min(MOST_REPLAYS, Number(info.get('dlt-replays') ?? 0) + 1);
    const group = info.get('dlt-original-consumer-group') ?? '';
    const added = [
      ['dlt-replays', String(replays)],
      ...(own.some(([name]) => name === 'retry') ? [] : [['retry', '0']]),
      // Every group that there is would pass over an entry for one that is gone.
      ...(this.store.stream(this.stream).groups.has(group) ? [['replay-group', group]] : []),
      ['replay-history', historyOf(id, info)],
    ];
    return [
      ...own.flatMap(([name, value]) => [
        Buffer.from(name, 'latin1'),
        name === 'retry' ? Buffer.from('0') : value,
      ]),
      ...added.flat().map((part) => Buffer.from(part)),
    ];
  }
}

function historyOf(id: string, info: ReadonlyMap<string, string>): string {
  const before = info.get('replay-history') ?? '';
  const steps = before.length > LONGEST_HISTORY ? [] : (before.match(/\d+-\d+:\d+-\d+/g) ?? []);
  return [...steps, `${info.get('dlt-original-id') ?? ''}:${id}`].slice(-MOST_STEPS).join(' ');
}

/** What a dead letter says of itself, and the fields of the entry that it was. */
function readLetter(fields: readonly Buffer[]): {
  readonly info: ReadonlyMap<string, string>;
  readonly originals: readonly Pair[];
} {
  const info = new Map<string, string>();
  let originals: Pair[] = [];
  for (const [name, value] of pairsOf(fields)) {
    if (name.startsWith(RENAMED)) originals.push([name.slice(RENAMED.length), value]);
    else if (name === 'dlt-original-packed') originals = pairsOf(unpacked(value));
    else if (name.startsWith('dlt-') || REPLAY_FIELDS.has(name)) info.set(name, value.toString());
    else if (name !== 'retry') originals.push([name, value]);
  }
  return { info, originals };
}

function pairsOf(fields: readonly Buffer[]): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    pairs.push([fields[i]?.toString('latin1') ?? '', fields[i + 1] ?? Buffer.of()]);
  }
  return pairs;
}

function unpacked(packed: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < packed.length;) {
    const colon = packed.indexOf(':', at);
    const end = colon + 1 + Number(packed.subarray(at, colon).toString());
    parts.push(packed.subarray(colon + 1, end));
    at = end + 1;
  }
  return parts;
}
