import {
  ENTRY_ID,
  type EntryRef,
  helperKeyOf,
  SettlementWrites,
  type StreamWrite,
} from '../../support/broker-port.js';
import type { StreamWorld } from '../../support/stream-world.js';
import { ADDED, first, stageOn, type Stage } from './contract-stage.js';

/** Writes of the application that make a step depend on what is there. */
export function conditionsContract(world: () => StreamWorld): void {
  describe('makes a step depend on what is there:', () => {
    let on: Stage;
    const followUps = { maxEntries: 1_000, maxAgeMs: 60_000 };

    beforeEach(async () => {
      on = await stageOn(world());
    });

    afterEach(() => on.close());

    const key = (): string => helperKeyOf(on.stream, 'ends');
    const held = (): Promise<Record<string, string>> => on.world.hash(key());
    const commit = (entry: EntryRef, writes: readonly StreamWrite[], sequence: number) =>
      on.anna.commit(on.stream, { lane: 0, sequence, commits: [{ entry, writes, emits: [] }], followUps });
    const deadLetter = (entry: EntryRef, writes: readonly StreamWrite[]) =>
      on.anna.deadLetter(on.stream, {
        ...{ entry, owner: 'anna', leastIdleMs: 0, added: ADDED, held: [], writes },
      });
    /** Lets what follows find the field. */
    const end = async (): Promise<void> => {
      const entry = first(await on.delivered(1));
      const writes = new SettlementWrites().onlyIfAbsent(key(), 'a').hset(key(), { a: '1' }).list();
      expect(await commit(entry, writes, 1)).toEqual(['done']);
    };
    const ifAbsent = (): readonly StreamWrite[] =>
      new SettlementWrites().onlyIfAbsent(key(), 'a').hset(key(), { b: ENTRY_ID }).list();
    const ifSame = (value: string): readonly StreamWrite[] =>
      new SettlementWrites().onlyIfSame(key(), 'a', value).hset(key(), { b: '2' }).list();

    it('a field that must not be there leaves the acknowledgement alone, and a repeat knows it', async () => {
      await end();
      const [a, b, c] = await on.delivered(3);
      if (!a || !b || !c) throw new Error('too few');
      const writes = new SettlementWrites().onlyIfAbsent(key(), 'a').hset(key(), { b: '2' }).list();

      expect(await commit(a, writes, 2)).toEqual(['duplicate']);
      expect(await commit(a, writes, 2)).toEqual(['duplicate']);
      expect(await commit(a, writes, 3)).toEqual(['gone']);
      expect(await on.anna.park(on.stream, b, 100, ifAbsent())).toBe('duplicate');
      expect(await deadLetter(c, ifAbsent())).toEqual({ settlement: 'duplicate' });
      const { pending, waiting, letters } = await on.world.look();
      expect([pending.size, waiting.size, letters.length]).toEqual([0, 0, 0]);
      expect(await held()).toEqual({ a: '1' });
    });

    it('a field that is not there yet lets all of it happen', async () => {
      const [a, b] = await on.delivered(2);
      if (!a || !b) throw new Error('too few');

      expect(await on.anna.park(on.stream, a, 100, ifAbsent())).toBe('done');
      expect(await held()).toEqual({ b: '' });
      const { deadLetterId } = await deadLetter(b, ifAbsent());
      expect(await held()).toEqual({ b: deadLetterId });
    });

    it('a field with another value leaves the step alone, without its writes', async () => {
      await end();
      const [a, b, c] = await on.delivered(3);
      if (!a || !b || !c) throw new Error('too few');

      expect(await on.anna.park(on.stream, a, 100, ifSame('2'))).toBe('done');
      expect(await deadLetter(b, ifSame('2'))).toMatchObject({ settlement: 'done' });
      expect(await held()).toEqual({ a: '1' });
      expect(await on.anna.park(on.stream, c, 100, ifSame('1'))).toBe('done');
      expect(await held()).toEqual({ a: '1', b: '2' });
    });

    it('a key of another type makes the writes unusable, and nothing happens', async () => {
      const entry = first(await on.delivered(1));
      const writes = new SettlementWrites().set(key(), 'text').onlyIfAbsent(key(), 'a').list();

      await expect(on.anna.park(on.stream, entry, 100, writes)).rejects.toThrow(/^UNUSABLE/);
      expect(await on.row(entry.id)).toEqual(['anna', 1, false]);
    });
  });
}
