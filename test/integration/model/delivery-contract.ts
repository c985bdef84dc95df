import type { StreamWorld } from '../../support/stream-world.js';
import { first, stageOn, type Stage } from './contract-stage.js';

/** How entries come to a consumer, and where a group begins. */
export function deliveryContract(world: () => StreamWorld): void {
  describe('delivers', () => {
    let on: Stage;

    beforeEach(async () => {
      on = await stageOn(world());
    });

    afterEach(() => on.close());

    it('what was sent before the group was made, in order, once, and no more than was asked for', async () => {
      const ids = [];
      for (let i = 0; i < 5; i += 1) ids.push(await on.world.add(['data', String(i)]));

      const [two, rest, none] = [
        await on.readNew(on.anna, 2),
        await on.readNew(on.bert, 10),
        await on.readNew(on.anna, 10),
      ];

      expect([...two, ...rest].map(({ id }) => id)).toEqual(ids);
      expect(two.map(({ parts }) => parts.map(String))).toEqual([
        ['data', '0'],
        ['data', '1'],
      ]);
      expect(none).toEqual([]);
      expect(await on.row(ids[0])).toEqual(['anna', 1, false]);
      expect(await on.row(ids[4])).toEqual(['bert', 1, false]);
    });

    it('bytes that are not UTF-8 as they are', async () => {
      const bytes = Buffer.from('fffe41', 'hex');
      await on.world.add(['data', bytes]);

      const [entry] = await on.readNew(on.anna, 1);

      expect(entry?.parts).toEqual([Buffer.from('data'), bytes]);
      const again = await on.anna.readEntry(on.stream, entry?.id ?? '');
      expect(again?.id).toBe(entry?.id);
      expect(again?.parts).toEqual(entry?.parts);
    });

    it('nothing twice when the group is made again', async () => {
      const [{ id }] = [first(await on.delivered(1))];
      await on.bert.ensureGroup(on.stream);

      expect(await on.readNew(on.bert, 10)).toEqual([]);
      expect(await on.row(id)).toEqual(['anna', 1, false]);
    });

    it('and charges nothing for what is being handled already', async () => {
      const [entry] = await on.delivered(1);
      await on.anna.ensureGroup(on.stream);

      expect(await on.row(entry?.id ?? '')).toEqual(['anna', 1, false]);
    });

    it('from the floor on when the group was lost', async () => {
      const [done, open, waiting] = await on.delivered(3);
      await on.anna.acknowledge(on.stream, [done?.id ?? '']);
      if (waiting) await on.anna.park(on.stream, waiting, 1_000, []);
      await on.anna.keepFloor(on.stream);
      await on.world.destroyGroup();

      await expect(on.readNew(on.anna, 10)).rejects.toThrow(/NOGROUP/);
      expect(await on.anna.probe(on.stream)).toBe('group-missing');
      await on.bert.ensureGroup(on.stream);

      const entries = await on.readNew(on.bert, 10);
      expect(entries.map(({ id }) => id)).toEqual([open?.id, waiting?.id]);
    });

    it('nothing that is done when the group was lost with nothing pending', async () => {
      const entries = await on.delivered(3);
      await on.anna.acknowledge(
        on.stream,
        entries.map(({ id }) => id),
      );
      await on.anna.keepFloor(on.stream);
      await on.world.destroyGroup();
      await on.anna.ensureGroup(on.stream);

      expect(await on.readNew(on.anna, 10)).toEqual([]);
    });

    it('everything when the group was lost before a floor was kept', async () => {
      const entries = await on.delivered(2);
      await on.world.destroyGroup();
      await on.anna.ensureGroup(on.stream);

      expect((await on.readNew(on.anna, 10)).map(({ id }) => id)).toEqual(entries.map(({ id }) => id));
    });
  });
}
