import {
  type Claim,
  type ConsumerInfo,
  deadLetterKeyOf,
  type EntryRef,
  type FreedPage,
  type GroupLimit,
  type PendingEntry,
  type RecoveryBroker,
  type StreamEntry,
  type TrimLimits,
  type Trimming,
  type UnreadSight,
} from '../broker-port.js';
import { compareIds, idBefore } from './entry-ids.js';
import { atOnce, type FakeCommands, isReserved, PARKING } from './fake-commands.js';
import type { FakeGroup } from './fake-store.js';

const PAGE = 500;

export class FakeRecovery implements RecoveryBroker {
  constructor(private readonly commands: FakeCommands) {}

  claimDue(stream: string, limit: number, maxDelayMs: number): Promise<Claim> {
    return atOnce(() => {
      const { now } = this.commands.store;
      const waiting = this.commands.waitingOf(stream);
      const byScore = [...waiting].sort(([a, aDue], [b, bDue]) => aDue - bDue || (a < b ? -1 : 1));
      const due = byScore.filter(([, at]) => at <= now);
      const beyond = byScore.filter(([, at]) => at > now + maxDelayMs);
      const ids = [...due, ...beyond].slice(0, Math.min(limit, PAGE)).map(([id]) => id);
      for (const id of ids) waiting.delete(id);
      return this.claim(
        stream,
        ids.filter((id) => this.commands.rowOf(stream, id)?.owner === PARKING),
      );
    });
  }

  consumers(stream: string): Promise<ConsumerInfo[]> {
    return atOnce(() => {
      const { consumers, pending } = this.commands.requireGroup(stream);
      return [...consumers]
        .filter(([name]) => !isReserved(name))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, seenAt]) => ({
          name,
          pending: [...pending.values()].filter(({ owner }) => owner === name).length,
          idleMs: this.commands.store.now - seenAt,
        }));
    });
  }

  pendingOf(stream: string, consumer: string, from: string, limit: number): Promise<PendingEntry[]> {
    return atOnce(() =>
      [...this.commands.requireGroup(stream).pending]
        .filter(([id, { owner }]) => owner === consumer && isFrom(id, from))
        .sort(([a], [b]) => compareIds(a, b))
        .slice(0, limit)
        .map(([id, { count, deliveredAt }]) => ({
          id,
          deliveryCount: count,
          idleMs: this.commands.store.now - deliveredAt,
        })),
    );
  }

  readEntry(stream: string, id: string): Promise<StreamEntry | undefined> {
    return atOnce(() => this.commands.entry(stream, id));
  }

  claimAbandoned(
    stream: string,
    owner: string,
    leastIdleMs: number,
    entries: readonly EntryRef[],
  ): Promise<Claim> {
    return atOnce(() => {
      const abandoned = entries.filter(({ id, deliveryCount }) => {
        const row = this.commands.rowOf(stream, id);
        const isStill = row?.owner === owner && row.count === deliveryCount;
        return !isReserved(owner) && isStill && this.commands.store.now - row.deliveredAt >= leastIdleMs;
      });
      return this.claim(
        stream,
        abandoned.map(({ id }) => id),
      );
    });
  }

  repairWaiting(stream: string): Promise<number> {
    return atOnce(() => {
      const { pending } = this.commands.requireGroup(stream);
      const waiting = this.commands.waitingOf(stream);
      const parked = [...pending].filter(([, { owner }]) => owner === PARKING).map(([id]) => id);
      if (parked.length === waiting.size) return 0;
      const missing = parked.filter((id) => !waiting.has(id));
      const leftOver = [...waiting.keys()].filter((id) => !parked.includes(id));
      for (const id of missing) waiting.set(id, this.commands.store.now);
      for (const id of leftOver) waiting.delete(id);
      return missing.length + leftOver.length;
    });
  }

  freeFuture(stream: string): Promise<FreedPage> {
    return atOnce(() => {
      const { now } = this.commands.store;
      const { pending } = this.commands.requireGroup(stream);
      const waiting = this.commands.waitingOf(stream);
      const future = [...pending].filter(
        ([, { owner, deliveredAt }]) =>
          deliveredAt > now + 1_000 && (owner === PARKING || !isReserved(owner)),
      );
      const vanished: string[] = [];
      let aheadMs = 0;
      for (const [id, row] of future) {
        const ahead = row.deliveredAt - now;
        aheadMs = Math.max(aheadMs, ahead);
        const isThere = this.commands.entry(stream, id) !== undefined;
        if (row.owner === PARKING) waiting.set(id, isThere ? (waiting.get(id) ?? now + ahead) - ahead : now);
        if (isThere || row.owner === PARKING) row.deliveredAt = now;
        else vanished.push(id);
      }
      for (const id of vanished) pending.delete(id);
      return { freed: future.length, aheadMs, next: '', vanished };
    });
  }

  keepFloor(stream: string): Promise<void> {
    return atOnce(() => {
      const group = this.commands.groupOf(stream);
      if (group) this.commands.store.strings.set(this.commands.key(stream, 'floor'), floorOf(group));
    });
  }

  forgetNotes(stream: string): Promise<void> {
    return atOnce(() => {
      const { replayed, letters, deadLettered } = this.commands.notes(stream);
      this.forgetGone(stream, replayed);
      this.forgetGone(stream, deadLettered);
      this.forgetGone(deadLetterKeyOf(stream), letters);
    });
  }

  private forgetGone(stream: string, notes: Set<string>): void {
    const { entries } = this.commands.store.stream(stream);
    if (notes.size <= entries.size) return;
    const [first] = entries.keys();
    for (const id of notes) if (first === undefined || timeOf(id) < timeOf(first)) notes.delete(id);
  }

  announce(stream: string, limit: GroupLimit, ms: number, consumers: readonly string[]): Promise<number> {
    return atOnce(() => {
      const announced = this.commands.store
        .limitsOf(this.commands.key(stream, limit))
        .set(this.commands.consumer, ms);
      for (const name of [...announced.keys()]) {
        if (name !== this.commands.consumer && !consumers.includes(name)) announced.delete(name);
      }
      return Math.max(...announced.values());
    });
  }

  markAlone(stream: string, { id, deliveryCount }: EntryRef): Promise<void> {
    return atOnce(
      () =>
        void this.commands.store.strings.set(this.commands.key(stream, 'alone', id), String(deliveryCount)),
    );
  }

  unmarkAlone(stream: string, { id }: EntryRef): Promise<void> {
    return atOnce(() => void this.commands.store.strings.delete(this.commands.key(stream, 'alone', id)));
  }

  ranAlone(stream: string, { id, deliveryCount }: EntryRef): Promise<boolean> {
    return atOnce(
      () => this.commands.store.strings.get(this.commands.key(stream, 'alone', id)) === String(deliveryCount),
    );
  }

  reapConsumer(stream: string, consumer: string, leastIdleMs: number): Promise<boolean> {
    return atOnce(() => {
      const group = this.commands.groupOf(stream);
      const seenAt = group?.consumers.get(consumer);
      if (!group || seenAt === undefined || isReserved(consumer)) return false;
      const isBusy = [...group.pending.values()].some(({ owner }) => owner === consumer);
      if (isBusy || this.commands.store.now - seenAt < leastIdleMs) return false;
      for (const limit of ['ack-waits', 'retry-delays']) {
        this.commands.store.limitsOf(this.commands.key(stream, limit)).delete(consumer);
      }
      return group.consumers.delete(consumer);
    });
  }

  /** The model takes nothing from what is unread. */
  watchUnread(): Promise<UnreadSight> {
    return atOnce(() => ({ round: 0 }));
  }

  trim(stream: string, { maxAgeMs, maxEntries }: TrimLimits): Promise<Trimming> {
    return atOnce(() => {
      const { entries, groups } = this.commands.store.stream(stream);
      if (groups.size === 0) return { removed: 0, staleGroups: [] };
      const ids = [...entries.keys()];
      const old = `${Math.max(0, this.commands.store.now - maxAgeMs)}-0`;
      const floors = [...groups].map(([name, group]) => ({ name, floor: floorOf(group) }));
      const staleGroups = floors
        .filter(({ floor }) => ids.some((id) => compareIds(id, floor) > 0 && compareIds(id, old) < 0))
        .map(({ name }) => name);
      const excess = ids[Math.min(ids.length - maxEntries, PAGE) - 1] ?? old;
      const needed = floors.map(({ floor }) => floor).reduce(least);
      return { removed: this.cut(stream, least(needed, greatest(old, excess))), staleGroups };
    });
  }

  cap(stream: string, maxEntries: number): Promise<number> {
    return atOnce(() => {
      const { entries } = this.commands.store.stream(stream);
      const cut = [...entries.keys()].slice(0, Math.max(0, entries.size - maxEntries));
      return cut.filter((id) => entries.delete(id)).length;
    });
  }

  trimDeadLetters(stream: string, maxAgeMs: number): Promise<number> {
    return atOnce(() =>
      this.cut(deadLetterKeyOf(stream), `${Math.max(0, this.commands.store.now - maxAgeMs)}-0`),
    );
  }

  private claim(stream: string, ids: readonly string[]): Claim {
    const entries: { entry: StreamEntry; deliveryCount: number }[] = [];
    const vanished: string[] = [];
    for (const id of ids) {
      const entry = this.commands.entry(stream, id);
      const deliveryCount = (this.commands.rowOf(stream, id)?.count ?? 0) + 1;
      if (entry) {
        this.commands.give(stream, id, this.commands.consumer, deliveryCount);
        entries.push({ entry, deliveryCount });
      } else {
        this.commands.requireGroup(stream).pending.delete(id);
        vanished.push(id);
      }
    }
    return { entries, vanished };
  }

  private cut(stream: string, below: string): number {
    const { entries } = this.commands.store.stream(stream);
    return [...entries.keys()].filter((id) => compareIds(id, below) < 0 && entries.delete(id)).length;
  }
}

/** The id below which a group needs nothing any more. */
function floorOf({ pending, lastDelivered }: FakeGroup): string {
  return pending.size === 0 ? lastDelivered : idBefore([...pending.keys()].reduce(least));
}

function timeOf(id: string): number {
  return Number(id.split('-')[0]);
}

function least(a: string, b: string): string {
  return compareIds(a, b) <= 0 ? a : b;
}

function greatest(a: string, b: string): string {
  return compareIds(a, b) >= 0 ? a : b;
}

function isFrom(id: string, from: string): boolean {
  if (from === '-') return true;
  return from.startsWith('(') ? compareIds(id, from.slice(1)) > 0 : compareIds(id, from) >= 0;
}
