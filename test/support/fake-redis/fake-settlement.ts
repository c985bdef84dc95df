import {
  type Commit,
  type CommitBatch,
  type DeadLettering,
  deadLetterKeyOf,
  type DeadLetterRequest,
  type EntryRef,
  type ErrorStreak,
  type Holder,
  type KeptPutOffs,
  type PutOffs,
  type Settlement,
  type SettlementBroker,
  type StreamWrite,
  StreamWrites,
} from '../broker-port.js';
import { atOnce, type FakeCommands, PARKING } from './fake-commands.js';
import { deadLetterParts } from './fake-dead-letter.js';

/** Which answers a receipt keeps, by what stands for them there. */
const ANSWER_KEPT: ReadonlyMap<string, 'done' | 'duplicate'> = new Map([
  ['1', 'done'],
  ['2', 'duplicate'],
]);

export class FakeSettlement implements SettlementBroker {
  constructor(private readonly commands: FakeCommands) {}

  acknowledge(stream: string, ids: readonly string[]): Promise<number> {
    return atOnce(() => ids.filter((id) => this.commands.groupOf(stream)?.pending.delete(id)).length);
  }

  pendingAs(stream: string, id: string): Promise<Holder | undefined> {
    return atOnce(() => {
      const row = this.commands.rowOf(stream, id);
      return row && row.owner !== PARKING ? { owner: row.owner, deliveryCount: row.count } : undefined;
    });
  }

  commit(
    stream: string,
    { lane, sequence, commits, owner = this.commands.consumer }: CommitBatch,
  ): Promise<Settlement[]> {
    return atOnce(() => {
      const receipt = this.commands.key(stream, 'commits', this.commands.consumer, String(lane));
      const [number, flags = ''] = (this.commands.store.strings.get(receipt) ?? '').split(' ');
      const kept = number === String(sequence) ? flags : '';
      const answers = commits.map(
        (commit, i) => ANSWER_KEPT.get(kept[i] ?? '') ?? this.commitOne(stream, commit, owner),
      );
      const flagOf = (answer: Settlement): string =>
        [...ANSWER_KEPT].find(([, kept]) => kept === answer)?.[0] ?? '0';
      const now = answers.map(flagOf).join('');
      if (/[12]/.test(now)) this.commands.store.strings.set(receipt, `${sequence} ${now}`);
      return answers;
    });
  }

  park(
    stream: string,
    entry: EntryRef,
    delayMs: number,
    writes: readonly StreamWrite[],
  ): Promise<Settlement> {
    return atOnce(() => {
      this.commands.store.checkWrites(writes);
      const row = this.commands.rowOf(stream, entry.id);
      if (row?.owner === PARKING && row.count === entry.deliveryCount) return 'done';
      const refused = this.commands.refusal(stream, entry, this.commands.consumer);
      if (refused) return refused;
      if (!this.commands.exists(stream, entry.id)) return 'vanished';
      const holding = this.holding(writes);
      if (this.commands.store.isPrevented(holding)) {
        this.commands.requireGroup(stream).pending.delete(entry.id);
        return 'duplicate';
      }
      this.commands.give(stream, entry.id, PARKING, entry.deliveryCount);
      this.commands.waitingOf(stream).set(entry.id, this.commands.store.now + Math.round(delayMs));
      this.commands.store.apply(holding);
      return 'done';
    });
  }

  wasReplayed(stream: string, id: string): Promise<boolean> {
    return atOnce(() => this.commands.notes(stream).replayed.has(id));
  }

  deadLetter(stream: string, request: DeadLetterRequest): Promise<DeadLettering> {
    return atOnce(() => {
      const { entry, owner, leastIdleMs, replays = 0, added, held, writes } = request;
      const { letters, deadLettered } = this.commands.notes(stream);
      this.commands.store.checkWrites(writes);
      const refused = this.commands.refusal(stream, entry, owner);
      const receipt = this.commands.key(stream, 'receipt', entry.id, String(entry.deliveryCount));
      if (refused) {
        const earlier = refused === 'gone' ? this.commands.store.strings.get(receipt) : undefined;
        return earlier === undefined
          ? { settlement: refused }
          : { settlement: 'done', deadLetterId: earlier };
      }
      const idleMs = this.commands.store.now - (this.commands.rowOf(stream, entry.id)?.deliveredAt ?? 0);
      if (idleMs < leastIdleMs) return { settlement: 'taken' };
      const isEnded = deadLettered.has(entry.id);
      const fields =
        this.commands.store.streams.get(stream)?.entries.get(entry.id) ??
        held.map((part) => Buffer.from(part));
      if (fields.length === 0 && !isEnded) return { settlement: 'vanished' };
      const holding = this.holding(writes);
      if (isEnded || this.commands.store.isPrevented(holding)) {
        this.commands.requireGroup(stream).pending.delete(entry.id);
        this.commands.waitingOf(stream).delete(entry.id);
        return { settlement: 'duplicate' };
      }
      const deadLetterId = this.commands.store.add(
        deadLetterKeyOf(stream),
        deadLetterParts(fields, added, replays),
      );
      this.commands.requireGroup(stream).pending.delete(entry.id);
      this.commands.waitingOf(stream).delete(entry.id);
      this.commands.store.strings.set(receipt, deadLetterId);
      letters.add(deadLetterId);
      deadLettered.add(entry.id);
      this.commands.store.apply(holding, deadLetterId);
      return { settlement: 'done', deadLetterId };
    });
  }

  /** The writes of a step, unless their own condition says that none is to be made. */
  private holding(writes: readonly StreamWrite[]): readonly StreamWrite[] {
    return this.commands.store.isContradicted(writes) ? [] : writes;
  }

  private commitOne(stream: string, { entry, writes, emits, guard }: Commit, owner: string): Settlement {
    const refused = this.commands.refusal(stream, entry, owner);
    if (refused) return refused;
    if (!this.commands.exists(stream, entry.id)) return 'vanished';
    if (guard && this.commands.store.strings.get(guard.key) !== guard.expected) return 'superseded';
    try {
      this.commands.store.checkWrites(writes);
    } catch (error) {
      return { refused: (error as Error).message };
    }
    if (this.commands.store.isPrevented(writes)) {
      this.commands.requireGroup(stream).pending.delete(entry.id);
      return 'duplicate';
    }
    this.commands.store.apply(writes);
    for (const { stream: target, fields } of emits) this.commands.store.add(target, fields);
    if (guard) this.commands.store.strings.set(guard.key, guard.value);
    this.commands.requireGroup(stream).pending.delete(entry.id);
    return 'done';
  }

  settle(stream: string, entry: EntryRef, owner: string): Promise<Settlement> {
    return atOnce(() => {
      const refused = this.commands.refusal(stream, entry, owner);
      if (refused) return refused;
      this.commands.requireGroup(stream).pending.delete(entry.id);
      return 'done';
    });
  }

  release(stream: string, entries: readonly EntryRef[], delayMs = 0): Promise<number> {
    return atOnce(() => {
      const ours = entries.filter(
        (entry) =>
          !this.commands.refusal(stream, entry, this.commands.consumer) &&
          this.commands.exists(stream, entry.id),
      );
      for (const { id, deliveryCount } of ours) {
        this.commands.give(stream, id, PARKING, deliveryCount - 1);
        this.commands.waitingOf(stream).set(id, this.commands.store.now + delayMs);
      }
      return ours.length;
    });
  }

  async putOff(
    stream: string,
    entry: EntryRef,
    delayMs: number,
    { times, forMs }: KeptPutOffs,
  ): Promise<number> {
    const released = await this.release(stream, [entry], delayMs);
    if (released === 1)
      this.commands.store.strings.set(this.commands.key(stream, 'put-off', entry.id), `${times}:${forMs}`);
    return released;
  }

  readPutOffs(stream: string, id: string): Promise<PutOffs> {
    return atOnce(() => {
      const kept = this.commands.store.strings.get(this.commands.key(stream, 'put-off', id)) ?? '0:0';
      const [times = 0, forMs = 0] = kept.split(':').map(Number);
      return { times, forMs };
    });
  }

  extend(stream: string, entries: readonly EntryRef[]): Promise<string[]> {
    return atOnce(() => {
      const lost = entries.filter((entry) => this.commands.refusal(stream, entry, this.commands.consumer));
      for (const entry of entries) {
        if (lost.includes(entry) || !this.commands.exists(stream, entry.id)) continue;
        this.commands.give(stream, entry.id, this.commands.consumer, entry.deliveryCount);
      }
      return lost.map(({ id }) => id);
    });
  }

  readErrorStreak(stream: string, id: string): Promise<ErrorStreak | undefined> {
    return atOnce(() => {
      const kept = this.commands.store.strings.get(this.commands.key(stream, 'error', id));
      return kept === undefined ? undefined : (JSON.parse(kept) as ErrorStreak);
    });
  }

  errorStreakWrites(stream: string, id: string, streak: ErrorStreak): readonly StreamWrite[] {
    return new StreamWrites().set(this.commands.key(stream, 'error', id), JSON.stringify(streak)).list();
  }
}
