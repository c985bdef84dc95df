import type { StreamWrite } from '../broker-port.js';
import { compareIds } from './entry-ids.js';
import { FakeWrites } from './fake-writes.js';

/** A row of a group's pending entries list. */
export interface PendingRow {
  owner: string;
  deliveredAt: number;
  count: number;
}

export class FakeGroup {
  readonly pending = new Map<string, PendingRow>();
  /** When each consumer was last heard of. */
  readonly consumers = new Map<string, number>();

  constructor(public lastDelivered: string) {}
}

export class FakeStream {
  readonly entries = new Map<string, readonly Buffer[]>();
  readonly groups = new Map<string, FakeGroup>();
  lastId = '0-0';
}

/** What a Redis would hold: streams with their groups, and the keys beside them. Its clock moves by hand. */
export class FakeStore {
  now = 1_700_000_000_000;
  readonly streams = new Map<string, FakeStream>();
  /** Due times by entry id, by the waiting list's key. */
  readonly waiting = new Map<string, Map<string, number>>();
  readonly strings = new Map<string, string>();
  readonly hashes = new Map<string, Map<string, string>>();
  readonly lists = new Map<string, string[]>();
  readonly limits = new Map<string, Map<string, number>>();

  /** Ids of which something is noted, by key. */
  readonly notes = new Map<string, Set<string>>();

  notesOf(key: string): Set<string> {
    const found = this.notes.get(key) ?? new Set<string>();
    this.notes.set(key, found);
    return found;
  }

  stream(name: string): FakeStream {
    const found = this.streams.get(name) ?? new FakeStream();
    this.streams.set(name, found);
    return found;
  }

  waitingList(key: string): Map<string, number> {
    const found = this.waiting.get(key) ?? new Map<string, number>();
    this.waiting.set(key, found);
    return found;
  }

  /** What consumers announced, by key. */
  limitsOf(key: string): Map<string, number> {
    const found = this.limits.get(key) ?? new Map<string, number>();
    this.limits.set(key, found);
    return found;
  }

  add(name: string, parts: readonly (string | Buffer)[]): string {
    const stream = this.stream(name);
    const [ms = '0', sequence = '0'] = stream.lastId.split('-');
    const isNewTime = compareIds(`${this.now}-0`, stream.lastId) > 0;
    stream.lastId = isNewTime ? `${this.now}-0` : `${ms}-${BigInt(sequence) + 1n}`;
    stream.entries.set(
      stream.lastId,
      parts.map((part) => Buffer.from(part)),
    );
    return stream.lastId;
  }

  /** @throws Error as Redis answers when a write cannot be made; nothing is written then */
  checkWrites(writes: readonly StreamWrite[]): void {
    void new FakeWrites(this, writes);
  }

  /** Whether a field is there that must not be: then a step acknowledges its entry and does nothing else. */
  isPrevented(writes: readonly StreamWrite[]): boolean {
    return writes.some(
      ({ command, key, args: [field] }) =>
        command === 'onlyifabsent' && this.hashes.get(key)?.has(String(field)) === true,
    );
  }

  /** Whether a field is there that holds another value than it must: then none of the writes is made. */
  isContradicted(writes: readonly StreamWrite[]): boolean {
    return writes.some(({ command, key, args: [field, value] }) => {
      const held = this.hashes.get(key)?.get(String(field));
      return command === 'onlyifsame' && held !== undefined && held !== String(value);
    });
  }

  /** All of it, as text by key; nothing of what is empty. */
  dump(): Record<string, string> {
    const streams = [...this.streams].map(([name, { lastId, entries, groups }]) => [
      name,
      { lastId, entries: [...entries].map(([id, parts]) => [id, ...parts.map(String)]), groups: [...groups] },
    ]);
    const kinds = [this.waiting, this.strings, this.hashes, this.lists, this.limits, this.notes];
    const others = kinds.flatMap((kind) => [...kind] as [string, unknown][]);
    const all = [...(streams as [string, unknown][]), ...others].map(([name, value]) => [
      name,
      textOf(value),
    ]);
    return Object.fromEntries(all.filter(([, text]) => text !== '[]').sort()) as Record<string, string>;
  }

  apply(writes: readonly StreamWrite[], entryId = ''): void {
    new FakeWrites(this, writes, entryId).keep();
  }
}

/** JSON, members of sets and maps in order. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    part instanceof Map || part instanceof Set ? [...(part as Iterable<unknown>)].sort() : part,
  );
}
