import {
  type EntryRef,
  helperKeyOf,
  letterNotesOf,
  replayNotesOf,
  type StreamEntry,
} from '../broker-port.js';
import type { FakeGroup, FakeStore, PendingRow } from './fake-store.js';

export const PARKING = '@retry';

export const isReserved = (consumer: string): boolean => consumer.startsWith('@');

/** What the parts of a fake broker share: one group and one consumer on a store that many share. */
export class FakeCommands {
  constructor(
    readonly store: FakeStore,
    readonly group: string,
    readonly consumer: string,
  ) {}

  key(stream: string, ...parts: string[]): string {
    return helperKeyOf(stream, this.group, ...parts);
  }

  notes(stream: string): Record<'replayed' | 'letters' | 'deadLettered', Set<string>> {
    return {
      replayed: this.store.notesOf(replayNotesOf(stream)),
      letters: this.store.notesOf(letterNotesOf(stream)),
      deadLettered: this.store.notesOf(this.key(stream, 'dead-lettered')),
    };
  }

  waitingOf(stream: string): Map<string, number> {
    return this.store.waitingList(this.key(stream, 'retry'));
  }

  groupOf(stream: string): FakeGroup | undefined {
    return this.store.streams.get(stream)?.groups.get(this.group);
  }

  /** @throws Error as Redis answers when the group is not there */
  requireGroup(stream: string): FakeGroup {
    const group = this.groupOf(stream);
    if (!group) throw new Error(`NOGROUP No such key '${stream}' or consumer group '${this.group}'`);
    return group;
  }

  rowOf(stream: string, id: string): PendingRow | undefined {
    return this.groupOf(stream)?.pending.get(id);
  }

  exists(stream: string, id: string): boolean {
    return this.store.streams.get(stream)?.entries.has(id) === true;
  }

  /** Makes an entry pending for a consumer, fresh. */
  give(stream: string, id: string, owner: string, count: number): void {
    const group = this.requireGroup(stream);
    group.pending.set(id, { owner, count, deliveredAt: this.store.now });
    group.consumers.set(owner, this.store.now);
  }

  /** Why this owner may not settle the entry. */
  refusal(stream: string, { id, deliveryCount }: EntryRef, owner: string): 'gone' | 'taken' | undefined {
    const row = this.rowOf(stream, id);
    if (!row || (row.owner === PARKING && owner !== PARKING)) return 'gone';
    return row.owner === owner && row.count === deliveryCount ? undefined : 'taken';
  }

  entry(stream: string, id: string): StreamEntry | undefined {
    const parts = this.store.streams.get(stream)?.entries.get(id);
    return parts && { id, parts };
  }
}

/** A step that is over at once, as Redis runs each: nothing comes between its reads and its writes. */
export function atOnce<T>(step: () => T): Promise<T> {
  return new Promise((resolve) => resolve(step()));
}
