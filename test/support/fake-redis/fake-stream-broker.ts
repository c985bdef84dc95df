import type { GroupStart, Obstacle, StreamBroker, StreamEntry, StreamReader } from '../broker-port.js';
import { compareIds } from './entry-ids.js';
import { atOnce } from './fake-commands.js';
import { FakeMarkers } from './fake-markers.js';
import { FakeGroup } from './fake-store.js';

/** A {@link StreamBroker} in memory. The contract suite holds it to what the one on Redis does. */
export class FakeStreamBroker extends FakeMarkers implements StreamBroker {
  ensureGroup(stream: string): Promise<GroupStart> {
    return atOnce(() => {
      const { groups, lastId } = this.store.stream(stream);
      if (groups.has(this.group)) return { wasLost: false };
      const kept = this.store.strings.get(this.key(stream, 'floor'));
      const floor = kept ?? '0-0';
      const beganAgain = compareIds(lastId, floor) < 0;
      const { replayed, deadLettered } = this.notes(stream);
      if (beganAgain) for (const notes of [replayed, deadLettered]) notes.clear();
      const madeAt = beganAgain ? '0-0' : floor;
      groups.set(this.group, new FakeGroup(madeAt));
      return { madeAt, wasLost: kept !== undefined };
    });
  }

  prepare(): Promise<void> {
    return Promise.resolve();
  }

  /** A reader that does not wait: nobody but the test moves the clock. */
  openReader(stream: string): StreamReader {
    return {
      readNew: (count) => atOnce(() => this.readNew(stream, count)),
      whenReady: () => Promise.resolve(),
      close: () => undefined,
    };
  }

  probe(stream: string): Promise<Obstacle | undefined> {
    return atOnce(() => (this.groupOf(stream) ? undefined : 'group-missing'));
  }

  isConnected(): boolean {
    return true;
  }

  settings(): Promise<object> {
    return Promise.resolve({});
  }

  absence(): Promise<'unreachable'> {
    return Promise.resolve('unreachable');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private readNew(stream: string, count: number): StreamEntry[] {
    const group = this.requireGroup(stream);
    group.consumers.set(this.consumer, this.store.now);
    const ids = [...this.store.stream(stream).entries.keys()]
      .filter((id) => compareIds(id, group.lastDelivered) > 0)
      .slice(0, count);
    return ids.flatMap((id) => {
      this.give(stream, id, this.consumer, 1);
      group.lastDelivered = id;
      return this.entry(stream, id) ?? [];
    });
  }
}
