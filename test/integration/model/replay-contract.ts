import type { EntryRef } from '../../support/broker-port.js';
import type { StreamWorld } from '../../support/stream-world.js';
import { first, stageOn, type Stage } from './contract-stage.js';

/** What becomes of dead letters. */
export function replayContract(world: () => StreamWorld): void {
  describe('takes a dead letter out:', () => {
    let on: Stage;

    beforeEach(async () => {
      on = await stageOn(world());
    });

    afterEach(() => on.close());

    const lettered = async ({ id, deliveryCount }: EntryRef, replays = 0): Promise<string> => {
      const { deadLetterId = '' } = await on.anna.deadLetter(on.stream, {
        ...{ entry: { id, deliveryCount }, owner: 'anna', leastIdleMs: 0, replays, held: [], writes: [] },
        added: [
          ...['retry', '2', 'dlt-reason', 'retries-exhausted', 'dlt-original-id', id],
          ...['dlt-original-consumer-group', 'model-group'],
        ],
      });
      return deadLetterId;
    };
    const texts = (parts: readonly Buffer[] = []): string[] => parts.map(String);

    it('a replay moves it back once, for the group that it failed in', async () => {
      await on.world.add(['data', '"a"', 'retry', '1', 'replay-group', 'another']);
      const entry = { id: first(await on.readNew(on.anna, 1)).id, deliveryCount: 1 };
      const letter = await lettered(entry);

      const { outcome, entryId = '', parts } = await on.world.replay(letter);
      expect(outcome).toBe('done');
      expect(texts(parts)).toEqual([
        ...['data', '"a"', 'retry', '0', 'dlt-replays', '1', 'replay-group', 'model-group'],
        ...['replay-history', `${entry.id}:${letter}`],
      ]);
      expect(await on.world.replay(letter)).toEqual({ outcome: 'replayed', entryId });
      expect(await on.world.discard(letter)).toEqual({ outcome: 'replayed', entryId });
      expect(await on.anna.wasReplayed(on.stream, entryId)).toBe(true);
      expect((await on.readNew(on.anna, 2)).map(({ id }) => id)).toEqual([entryId]);
      expect((await on.world.look()).letters).toEqual([]);
    });

    it('a replay of what was replayed before counts on, and knows where it came from', async () => {
      const entry = first(await on.delivered(1));
      const letter = await lettered(entry);
      const { entryId: again = '' } = await on.world.replay(letter);
      await on.readNew(on.anna, 1);
      const second = await lettered({ id: again, deliveryCount: 1 }, 1);

      const { parts } = await on.world.replay(second);
      expect(texts(parts).slice(2)).toEqual([
        ...['retry', '0', 'dlt-replays', '2', 'replay-group', 'model-group'],
        ...['replay-history', `${entry.id}:${letter} ${again}:${second}`],
      ]);
    });

    it('what was packed goes back as it was, and to every group where its own is gone', async () => {
      const many = Array.from({ length: 1_001 }, (_, i) => [`name-${i}`, `value-${i}`]).flat();
      await on.world.add(many);
      const letter = await lettered({ id: first(await on.readNew(on.anna, 1)).id, deliveryCount: 1 });
      await on.world.destroyGroup();

      const { parts } = await on.world.replay(letter);
      expect(texts(parts).slice(0, many.length)).toEqual(many);
      expect(texts(parts).slice(many.length, -1)).toEqual([
        ...['dlt-replays', '1', 'retry', '0', 'replay-history'],
      ]);
    });

    it('a discard deletes it for good', async () => {
      const letter = await lettered(first(await on.delivered(1)));

      expect(await on.world.discard(letter)).toEqual({ outcome: 'done' });
      expect(await on.world.discard(letter)).toEqual({ outcome: 'discarded' });
      expect(await on.world.replay(letter)).toEqual({ outcome: 'discarded' });
      expect((await on.world.look()).letters).toEqual([]);
    });

    it('one that is not there is missing', async () => {
      expect(await on.world.replay('1-1')).toEqual({ outcome: 'missing' });
      expect(await on.world.discard('1-1')).toEqual({ outcome: 'missing' });
    });
  });
}
