import {
  type Commit,
  type DeadLetterRequest,
  ENTRY_ID,
  type EntryRef,
  helperKeyOf,
  type StreamBroker,
  StreamWrites,
} from '../../support/broker-port.js';
import type { StreamWorld } from '../../support/stream-world.js';
import { ADDED, first, stageOn, type Stage } from './contract-stage.js';

function request(entry: EntryRef, more: Partial<DeadLetterRequest> = {}): DeadLetterRequest {
  return { entry, owner: 'anna', leastIdleMs: 0, added: ADDED, held: [], writes: [], ...more };
}

/** How deliveries end. */
export function settlementContract(world: () => StreamWorld): void {
  describe('settles', () => {
    let on: Stage;

    beforeEach(async () => {
      on = await stageOn(world());
    });

    afterEach(() => on.close());

    const letters = async (): Promise<string[][]> =>
      (await on.world.look()).letters.map(({ parts }) => parts.map((part) => part.toString('latin1')));

    it('what was handled, and says how much of it was pending', async () => {
      const [a, b] = await on.delivered(3);
      const ids = [a?.id ?? '', b?.id ?? ''];

      expect([await on.anna.acknowledge(on.stream, ids), await on.anna.acknowledge(on.stream, ids)]).toEqual([
        2, 0,
      ]);
      expect((await on.world.look()).pending.size).toBe(1);
    });

    describe('commits', () => {
      const followUps = { maxEntries: 1_000, maxAgeMs: 60_000 };
      const key = (part: string): string => helperKeyOf(on.stream, part);
      const counting = (entry: EntryRef, by = 1): Commit => ({
        entry,
        writes: new StreamWrites().hincrby(key('counts'), 'n', by).list(),
        emits: [],
      });
      const send = (broker: StreamBroker, sequence: number, ...commits: Commit[]) =>
        broker.commit(on.stream, { lane: 0, sequence, commits, followUps });
      const counted = async (): Promise<string | undefined> => (await on.world.hash(key('counts'))).n;

      it('under the fence, once, and knows its own repeat', async () => {
        const entry = first(await on.delivered(1));

        expect(await send(on.bert, 1, counting(entry))).toEqual(['taken']);
        expect(await send(on.anna, 1, counting({ ...entry, deliveryCount: 2 }))).toEqual(['taken']);
        expect(await send(on.anna, 2, counting(entry))).toEqual(['done']);
        expect(await send(on.anna, 2, counting(entry))).toEqual(['done']);
        expect(await send(on.anna, 3, counting(entry))).toEqual(['gone']);

        expect([await on.row(entry.id), await counted()]).toEqual([undefined, '1']);
      });

      it('each for itself: a bad one, a lost one and a deleted one harm no other', async () => {
        const [a, bad, lost, deleted, z] = (await on.delivered(5)) as [
          ...[EntryRef, EntryRef, EntryRef, EntryRef, EntryRef],
        ];
        await on.anna.acknowledge(on.stream, [lost.id]);
        await on.world.delete(deleted.id);
        const tooMuch = {
          ...counting(bad),
          writes: new StreamWrites().set(key('n'), 1).hset(key('n'), { a: 1 }).list(),
        };

        const [first, second, ...others] = await send(
          ...[on.anna, 1, counting(a), tooMuch, counting(lost), counting(deleted), counting(z)],
        );

        expect([first, ...others]).toEqual(['done', 'gone', 'vanished', 'done']);
        expect(second).toEqual({ refused: expect.stringMatching(/^UNUSABLE .*needs a hash/) as string });
        expect(await counted()).toBe('2');
        expect([await on.row(bad.id), await on.row(deleted.id)]).toEqual([
          ['anna', 1, false],
          ['anna', 1, false],
        ]);
      });

      it('refuses a sum that does not fit into 64 bits, whichever write makes it', async () => {
        const [a, b] = (await on.delivered(2)) as [EntryRef, EntryRef];
        const most = 2n ** 63n - 1n;
        const writes = new StreamWrites()
          .hset(key('counts'), { n: String(most) })
          .hincrby(key('counts'), 'n', 1)
          .list();

        expect(await send(on.anna, 1, { entry: a, writes, emits: [] }, counting(b))).toEqual([
          { refused: expect.stringContaining('does not fit into 64 bits') as string },
          'done',
        ]);
        expect(await counted()).toBe('1');
      });

      it('only while a guard holds, and writes it', async () => {
        const [a, b] = (await on.delivered(2)) as [EntryRef, EntryRef];
        await on.anna.markAlone(on.stream, { id: 'guard', deliveryCount: 7 });
        const guard = {
          key: helperKeyOf(on.stream, 'model-group', 'alone', 'guard'),
          ...{ expected: '7', value: '8', ttlMs: 60_000 },
        };

        const guarded = (entry: EntryRef) => ({ ...counting(entry), guard });
        expect(await send(on.anna, 1, guarded(a), guarded(b))).toEqual(['done', 'superseded']);
        expect(await on.anna.ranAlone(on.stream, { id: 'guard', deliveryCount: 8 })).toBe(true);
        expect([await on.row(b.id), await counted()]).toEqual([['anna', 1, false], '1']);
      });
    });

    it('parks under the fence, keeps the count, and knows its own repeat', async () => {
      const entry = first(await on.delivered(1));

      expect(await on.bert.park(on.stream, entry, 500, [])).toBe('taken');
      expect(await on.anna.park(on.stream, { ...entry, deliveryCount: 2 }, 500, [])).toBe('taken');
      expect(await on.anna.park(on.stream, entry, 500, [])).toBe('done');
      expect(await on.anna.park(on.stream, entry, 500, [])).toBe('done');
      expect(await on.anna.park(on.stream, { ...entry, deliveryCount: 2 }, 500, [])).toBe('gone');

      expect(await on.row(entry.id)).toEqual(['@retry', 1, true]);
      const { waiting, now } = await on.world.look();
      expect((waiting.get(entry.id) ?? 0) - now).toBeGreaterThan(300);
    });

    it('finds that an entry is settled or deleted when it would be parked', async () => {
      const [settled, deleted] = await on.delivered(2);
      await on.anna.acknowledge(on.stream, [settled?.id ?? '']);
      await on.world.delete(deleted?.id ?? '');

      expect(settled && (await on.anna.park(on.stream, settled, 0, []))).toBe('gone');
      expect(deleted && (await on.anna.park(on.stream, deleted, 0, []))).toBe('vanished');
      expect((await on.world.look()).waiting.size).toBe(0);
    });

    it('dead-letters once, byte for byte, under the fence', async () => {
      const parts = [Buffer.from('data'), Buffer.from('fffe41', 'hex'), Buffer.from('x'), Buffer.from('')];
      const id = await on.world.add(parts);
      await on.readNew(on.anna, 1);
      const entry = { id, deliveryCount: 1 };

      expect(await on.bert.deadLetter(on.stream, request(entry, { owner: 'bert' }))).toEqual({
        settlement: 'taken',
      });
      expect(await on.anna.deadLetter(on.stream, request({ id, deliveryCount: 2 }))).toEqual({
        settlement: 'taken',
      });
      const { settlement, deadLetterId } = await on.anna.deadLetter(on.stream, request(entry));
      expect(await on.anna.deadLetter(on.stream, request(entry))).toEqual({ settlement, deadLetterId });
      expect(await on.anna.deadLetter(on.stream, request({ id, deliveryCount: 2 }))).toEqual({
        settlement: 'gone',
      });

      const { letters: found, pending } = await on.world.look();
      expect([settlement, pending.size, found.length]).toEqual(['done', 0, 1]);
      expect(found[0]?.id).toBe(deadLetterId);
      expect(found[0]?.parts).toEqual(
        [...parts, ...ADDED, 'dlt-replays', '0'].map((part) => Buffer.from(part)),
      );
    });

    it('renames fields that collide, and packs what is too much', async () => {
      await on.world.add([
        'retry',
        'abc',
        'dlt-reason',
        'old',
        'dlt-replays',
        '7',
        'replay-group',
        'x',
        'a',
        '1',
      ]);
      await on.world.add(Array.from({ length: 2_002 }, (_, i) => String(i)));
      for (const { id } of await on.readNew(on.anna, 2)) {
        await on.anna.deadLetter(on.stream, request({ id, deliveryCount: 1 }));
      }

      const [renamed, packed] = await letters();
      expect(renamed).toEqual([
        ...['dlt-original-field-retry', 'abc', 'dlt-original-field-dlt-reason', 'old'],
        ...['dlt-original-field-dlt-replays', '7', 'dlt-original-field-replay-group', 'x', 'a', '1'],
        ...[...ADDED, 'dlt-replays', '0'],
      ]);
      expect(packed?.[0]).toBe('dlt-original-packed');
      expect(packed?.[1]?.startsWith('1:0,1:1,1:2,')).toBe(true);
    });

    it('knows an entry that a replay made, and keeps what the replay wrote apart from the rest', async () => {
      const many = Array.from({ length: 2_002 }, (_, i) => `f${i}`);
      const ofReplay = ['dlt-replays', '7', 'replay-history', '1-1:2-2'];
      for (const fields of [['a', '1'], many]) {
        const id = await on.world.add([...fields, ...ofReplay]);
        expect(await on.anna.wasReplayed(on.stream, id)).toBe(false);
        await on.world.noteReplayed(id);
        expect(await on.bert.wasReplayed(on.stream, id)).toBe(true);
        await on.readNew(on.anna, 1);
        await on.anna.deadLetter(on.stream, request({ id, deliveryCount: 1 }, { replays: 7 }));
      }

      const [flat, packed] = await letters();
      const end = ['replay-history', '1-1:2-2', ...ADDED, 'dlt-replays', '7'];
      expect(flat).toEqual(['a', '1', ...end]);
      expect([packed?.[0], ...(packed?.slice(2) ?? [])]).toEqual(['dlt-original-packed', ...end]);
      expect(packed?.[1]?.endsWith('5:f2001,')).toBe(true);
    });

    it('makes one dead letter of an entry, however often its group begins again before it', async () => {
      const entry = first(await on.delivered(1));
      expect((await on.anna.deadLetter(on.stream, request(entry))).settlement).toBe('done');
      for (const owner of ['anna', 'bert']) {
        await on.world.destroyGroup();
        const broker = owner === 'anna' ? on.anna : on.bert;
        await broker.ensureGroup(on.stream);
        await on.anna.forgetNotes(on.stream);
        await on.readNew(broker, 1);
        expect(await on.row(entry.id)).toEqual([owner, 1, false]);
        const key = helperKeyOf(on.stream, 'record');
        const writes = new StreamWrites().hset(key, { state: 'dead-lettered' }).list();

        expect(await broker.deadLetter(on.stream, request(entry, { owner, writes }))).toEqual({
          settlement: 'duplicate',
        });

        expect(await on.world.hash(key)).toEqual({});
        expect(await on.row(entry.id)).toBeUndefined();
      }
      expect((await letters()).length).toBe(1);
    });

    it('forgets what it noted of entries that are gone', async () => {
      const [a, b] = (await on.delivered(2)) as [EntryRef, EntryRef];
      for (const entry of [a, b]) {
        await on.world.noteReplayed(entry.id);
        await on.anna.deadLetter(on.stream, request(entry));
      }
      await on.anna.forgetNotes(on.stream);
      expect(await on.world.noted()).toEqual({ replayed: 2, deadLettered: 2, letters: 2 });

      for (const { id } of [a, b]) await on.world.delete(id);
      await on.anna.forgetNotes(on.stream);

      expect(await on.world.noted()).toEqual({ replayed: 0, deadLettered: 0, letters: 2 });
    });

    it('dead-letters a deleted entry only as it is held', async () => {
      const entry = first(await on.delivered(1));
      await on.world.delete(entry.id);

      expect((await on.anna.deadLetter(on.stream, request(entry))).settlement).toBe('vanished');
      expect(await on.row(entry.id)).toEqual(['anna', 1, false]);
      const held = ['data', Buffer.from('fffe', 'hex')];
      expect((await on.anna.deadLetter(on.stream, request(entry, { held }))).settlement).toBe('done');
      expect((await letters())[0]?.slice(0, 2)).toEqual(['data', '\xff\xfe']);
      expect(await on.row(entry.id)).toBeUndefined();
    });

    it("dead-letters another's entry only when it is idle for long enough", async () => {
      const entry = first(await on.delivered(1));
      const abandoned = request(entry, { leastIdleMs: 60_000 });

      expect((await on.bert.deadLetter(on.stream, abandoned)).settlement).toBe('taken');
      await on.world.passTime(60_000);
      expect((await on.bert.deadLetter(on.stream, abandoned)).settlement).toBe('done');
    });

    it('settles in place under the fence', async () => {
      const entry = first(await on.delivered(1));

      expect(await on.bert.settle(on.stream, entry, 'bert')).toBe('taken');
      expect(await on.anna.settle(on.stream, entry, 'anna')).toBe('done');
      expect(await on.anna.settle(on.stream, entry, 'anna')).toBe('gone');
      expect((await letters()).length).toBe(0);
    });

    it('hands back uncharged what is still ours', async () => {
      const [ours, deleted, gone] = await on.delivered(3);
      await on.world.delete(deleted?.id ?? '');
      await on.anna.acknowledge(on.stream, [gone?.id ?? '']);
      const all = [ours, deleted, gone].filter((entry) => entry !== undefined);

      expect(await on.bert.release(on.stream, all)).toBe(0);
      expect(await on.anna.release(on.stream, all)).toBe(1);
      expect(await on.anna.release(on.stream, all)).toBe(0);
      expect(await on.row(ours?.id)).toEqual(['@retry', 0, true]);

      const { entries } = await on.bert.claimDue(on.stream, 10, 1_000);
      expect(entries.map(({ deliveryCount }) => deliveryCount)).toEqual([1]);
    });

    it('keeps fresh what is ours, and names what is not', async () => {
      const [ours, taken, gone, deleted] = await on.delivered(4);
      await on.world.passTime(60_000);
      if (taken) await on.bert.claimAbandoned(on.stream, 'anna', 60_000, [taken]);
      await on.anna.acknowledge(on.stream, [gone?.id ?? '']);
      await on.world.delete(deleted?.id ?? '');
      const all = [ours, taken, gone, deleted].filter((entry) => entry !== undefined);

      expect(await on.anna.extend(on.stream, all)).toEqual([taken?.id, gone?.id]);

      const { pending } = await on.world.look();
      expect(pending.get(ours?.id ?? '')?.idleMs).toBeLessThan(30_000);
      expect(pending.get(deleted?.id ?? '')?.idleMs).toBeGreaterThanOrEqual(60_000);
      expect(await on.row(taken?.id)).toEqual(['bert', 2, false]);
      expect(await on.row(gone?.id)).toBeUndefined();
    });

    it('applies the writes that come with a step, once, with the id of the dead letter', async () => {
      const [parked, lettered] = await on.delivered(2);
      const key = helperKeyOf(on.stream, 'order');
      const writes = (field: string) =>
        new StreamWrites()
          .hset(key, { [field]: ENTRY_ID, n: 1 })
          .hsetnx(key, 'n', 2)
          .list();
      if (parked) await on.anna.park(on.stream, parked, 0, new StreamWrites().hset(key, { a: 'b' }).list());
      const done =
        lettered && (await on.anna.deadLetter(on.stream, request(lettered, { writes: writes('id') })));
      if (lettered) await on.anna.deadLetter(on.stream, request(lettered, { writes: writes('again') }));

      expect(await on.world.hash(key)).toEqual({ a: 'b', id: done?.deadLetterId, n: '1' });
    });

    it('changes nothing when the writes cannot be applied', async () => {
      const entry = first(await on.delivered(1));
      const key = helperKeyOf(on.stream, 'order');
      const other = first(await on.delivered(1));
      await on.anna.park(on.stream, other, 0, new StreamWrites().set(key, 'a').list());
      const writes = new StreamWrites().hset(key, { a: 'b' }).list();

      await expect(on.anna.park(on.stream, entry, 0, writes)).rejects.toThrow(/^UNUSABLE/);
      await expect(on.anna.deadLetter(on.stream, request(entry, { writes }))).rejects.toThrow(/^UNUSABLE/);
      expect(await on.row(entry.id)).toEqual(['anna', 1, false]);
    });

    it('answers "gone" for everything when the group was lost', async () => {
      const entry = first(await on.delivered(1));
      await on.world.destroyGroup();

      expect(await on.anna.acknowledge(on.stream, [entry.id])).toBe(0);
      expect(await on.anna.park(on.stream, entry, 0, [])).toBe('gone');
      expect((await on.anna.deadLetter(on.stream, request(entry))).settlement).toBe('gone');
      expect(await on.anna.release(on.stream, [entry])).toBe(0);
      expect(await on.anna.extend(on.stream, [entry])).toEqual([entry.id]);
    });

    it('keeps how an entry failed before', async () => {
      const entry = first(await on.delivered(1));
      const streak = { errorName: 'TypeError', beganAtRetry: 1 };
      expect(await on.anna.readErrorStreak(on.stream, entry.id)).toBeUndefined();
      const writes = on.anna.errorStreakWrites(on.stream, entry.id, streak, 0);
      await on.anna.park(on.stream, entry, 0, writes);

      expect(await on.bert.readErrorStreak(on.stream, entry.id)).toEqual(streak);
    });
  });
}
