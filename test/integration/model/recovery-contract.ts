import type { StreamWorld } from '../../support/stream-world.js';
import { first, stageOn, type Stage } from './contract-stage.js';

const DAY_MS = 86_400_000;

/** How entries that nobody works on are found and taken. */
export function recoveryContract(world: () => StreamWorld): void {
  describe('recovers', () => {
    let on: Stage;

    beforeEach(async () => {
      on = await stageOn(world());
    });

    afterEach(() => on.close());

    it('what is due, counted, to one consumer alone, and no more than was asked for', async () => {
      const entries = await on.delivered(3);
      for (const [i, entry] of entries.entries()) await on.anna.park(on.stream, entry, i * 10_000, []);
      expect((await on.bert.pendingOf(on.stream, '@retry', '-', 10)).length).toBe(3);

      const due = await on.bert.claimDue(on.stream, 10, DAY_MS);
      expect(due.entries.map(({ entry, deliveryCount }) => [entry.id, deliveryCount])).toEqual([
        [entries[0]?.id, 2],
      ]);
      expect((await on.anna.claimDue(on.stream, 10, DAY_MS)).entries).toEqual([]);

      await on.world.passTime(20_000);
      expect((await on.anna.claimDue(on.stream, 1, DAY_MS)).entries.length).toBe(1);
      expect(await on.row(entries[1]?.id)).toEqual(['anna', 2, false]);
      expect(await on.row(entries[2]?.id)).toEqual(['@retry', 1, true]);
    });

    it('what waits for longer than anything may', async () => {
      const entry = first(await on.delivered(1));
      await on.anna.park(on.stream, entry, 5_000, []);

      expect((await on.anna.claimDue(on.stream, 10, 1_000)).entries.length).toBe(1);
    });

    it('takes deleted and settled entries off the waiting list, and names the deleted', async () => {
      const [deleted, settled] = await on.delivered(2);
      for (const entry of [deleted, settled]) if (entry) await on.anna.park(on.stream, entry, 0, []);
      await on.world.delete(deleted?.id ?? '');
      await on.bert.acknowledge(on.stream, [settled?.id ?? '']);

      expect(await on.bert.claimDue(on.stream, 10, DAY_MS)).toEqual({ entries: [], vanished: [deleted?.id] });
      const { pending, waiting } = await on.world.look();
      expect([pending.size, waiting.size]).toEqual([0, 0]);
    });

    it('what its consumer abandoned, and only what still is as it was seen', async () => {
      const [seen, young, counted, deleted] = await on.delivered(4);
      const all = [seen, counted, deleted].filter((entry) => entry !== undefined);
      await on.world.passTime(60_000);
      if (young) await on.anna.extend(on.stream, [young]);
      await on.world.delete(deleted?.id ?? '');

      expect((await on.bert.claimAbandoned(on.stream, 'carl', 50_000, all)).entries).toEqual([]);
      const claim = await on.bert.claimAbandoned(on.stream, 'anna', 50_000, [
        ...all.map((entry) => (entry === counted ? { ...entry, deliveryCount: 2 } : entry)),
        ...(young ? [young] : []),
      ]);

      expect(claim.entries.map(({ entry, deliveryCount }) => [entry.id, deliveryCount])).toEqual([
        [seen?.id, 2],
      ]);
      expect(claim.vanished).toEqual([deleted?.id]);
      expect(await on.row(counted?.id)).toEqual(['anna', 1, false]);
      expect(await on.row(young?.id)).toEqual(['anna', 1, false]);
      expect(await on.row(deleted?.id)).toBeUndefined();
    });

    it('shows consumers, and what is pending for them in pages', async () => {
      const entries = await on.delivered(3);
      const done = await on.world.add(['data', '{}']);
      await on.readNew(on.bert, 1);
      await on.bert.acknowledge(on.stream, [done]);
      const second = first(entries.slice(1));
      await on.anna.park(on.stream, second, 0, []);

      const consumers = await on.bert.consumers(on.stream);
      expect(consumers.map(({ name, pending }) => [name, pending])).toEqual([
        ['anna', 2],
        ['bert', 0],
      ]);
      const page = await on.bert.pendingOf(on.stream, 'anna', '-', 1);
      expect(page.map(({ id, deliveryCount }) => [id, deliveryCount])).toEqual([[entries[0]?.id, 1]]);
      const next = await on.bert.pendingOf(on.stream, 'anna', `(${page[0]?.id ?? ''}`, 10);
      expect(next.map(({ id }) => id)).toEqual([entries[2]?.id]);
    });

    it('mends a waiting list that was lost, and one that has too much', async () => {
      const [a, b] = await on.delivered(2);
      for (const entry of [a, b]) if (entry) await on.anna.park(on.stream, entry, 50_000, []);
      expect(await on.bert.repairWaiting(on.stream)).toBe(0);

      await on.world.loseWaitingList();
      expect(await on.bert.repairWaiting(on.stream)).toBe(2);
      await on.bert.acknowledge(on.stream, [a?.id ?? '']);
      expect(await on.bert.repairWaiting(on.stream)).toBe(1);

      const { waiting } = await on.world.look();
      expect([...waiting.keys()]).toEqual([b?.id]);
    });

    it('keeps the largest limit of all consumers that there are', async () => {
      const both = ['anna', 'bert'];
      expect(await on.anna.announce(on.stream, 'ack-waits', 1_000, both)).toBe(1_000);
      expect(await on.bert.announce(on.stream, 'ack-waits', 300, both)).toBe(1_000);
      expect(await on.bert.announce(on.stream, 'retry-delays', 7, both)).toBe(7);
      expect(await on.bert.announce(on.stream, 'ack-waits', 300, [])).toBe(300);
    });

    it('remembers with which count an entry ran alone', async () => {
      const entry = { id: '1-0', deliveryCount: 4 };
      await on.anna.markAlone(on.stream, entry);
      expect(await on.bert.ranAlone(on.stream, entry)).toBe(true);
      expect(await on.bert.ranAlone(on.stream, { ...entry, deliveryCount: 3 })).toBe(false);

      await on.bert.unmarkAlone(on.stream, entry);
      expect(await on.anna.ranAlone(on.stream, entry)).toBe(false);
    });

    it('reaps no consumer that has something pending, was heard of lately, or holds what waits', async () => {
      const entry = first(await on.delivered(1));

      expect(await on.bert.reapConsumer(on.stream, 'anna', 0)).toBe(false);
      await on.anna.park(on.stream, entry, 0, []);
      expect(await on.bert.reapConsumer(on.stream, '@retry', 0)).toBe(false);
      expect(await on.bert.reapConsumer(on.stream, 'nobody', 0)).toBe(false);
      expect(await on.bert.reapConsumer(on.stream, 'anna', DAY_MS)).toBe(false);
      expect(await on.bert.reapConsumer(on.stream, 'anna', 0)).toBe(true);
    });

    it('leaves what is pending for a name that begins with @ to what put it there', async () => {
      const lane = on.world.broker('@lane');
      await lane.ensureGroup(on.stream);
      await on.world.add(['data', '{}']);
      const reader = lane.openReader(on.stream);
      const [entry] = await reader.readNew(1);
      reader.close();
      const ref = { id: entry?.id ?? '', deliveryCount: 1 };
      await on.world.passTime(DAY_MS);

      expect((await on.bert.consumers(on.stream)).map(({ name }) => name)).not.toContain('@lane');
      expect(await on.bert.claimAbandoned(on.stream, '@lane', 1_000, [ref])).toEqual({
        ...{ entries: [], vanished: [] },
      });
      expect(await on.row(ref.id)).toEqual(['@lane', 1, false]);
      await lane.acknowledge(on.stream, [ref.id]);
      expect(await on.bert.reapConsumer(on.stream, '@lane', 0)).toBe(false);
    });

    it('trims what nobody needs, by age and by length, and names who holds it back', async () => {
      const entries = await on.delivered(5);
      const ids = entries.map(({ id }) => id);
      const unlimited = { maxAgeMs: DAY_MS, maxEntries: 1_000 };
      await on.anna.acknowledge(on.stream, [ids[0] ?? '', ids[1] ?? '', ids[3] ?? '']);
      const left = async (): Promise<string[]> => [...(await on.world.look()).entries];

      expect(await on.anna.trim(on.stream, unlimited)).toEqual({ removed: 0, staleGroups: [] });
      const { removed } = await on.anna.trim(on.stream, { ...unlimited, maxEntries: 1 });
      expect(removed).toBeGreaterThan(0);
      expect(await left()).toEqual(ids.slice(removed));
      expect(await left()).toEqual(expect.arrayContaining(ids.slice(2)));

      await on.anna.acknowledge(on.stream, [ids[2] ?? '', ids[4] ?? '']);
      await on.anna.trim(on.stream, { ...unlimited, maxEntries: 1 });
      expect((await left()).includes(ids[4] ?? '')).toBe(true);
    });

    it('cuts to a length whoever needs it', async () => {
      const ids = (await on.delivered(4)).map(({ id }) => id);

      expect(await on.anna.cap(on.stream, 1)).toBe(3);
      const { entries, pending } = await on.world.look();
      expect([...entries]).toEqual(ids.slice(3));
      expect(pending.size).toBe(4);
    });

    it('trims dead letters by their age', async () => {
      const entry = first(await on.delivered(1));
      const letter = { owner: 'anna', leastIdleMs: 0, added: [], held: [], writes: [] };
      await on.anna.deadLetter(on.stream, { ...letter, entry });

      expect(await on.anna.trimDeadLetters(on.stream, DAY_MS)).toBe(0);
      expect(await on.anna.trimDeadLetters(on.stream, -DAY_MS)).toBe(1);
    });
  });
}
