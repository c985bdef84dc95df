import { ParkQueue } from './park-queue.js';
import type { Park, ParkAnswer } from './settlement.js';

const park = (id: string, bytes = 0): Park => ({
  entry: { id, deliveryCount: 1 },
  delayMs: 0,
  writes: bytes > 0 ? [{ command: 'set', key: 'k', args: ['x'.repeat(bytes)] }] : [],
});

describe('ParkQueue', () => {
  let calls: string[][];
  let answer: (parks: readonly Park[]) => Promise<readonly ParkAnswer[]>;
  let queue: ParkQueue;
  beforeEach(() => {
    calls = [];
    answer = (parks) => Promise.resolve(parks.map(() => 'done'));
    queue = new ParkQueue((parks) => {
      calls.push(parks.map(({ entry }) => entry.id));
      return answer(parks);
    });
  });

  it('sends what comes in one turn together, and what comes meanwhile in the next call', async () => {
    let late: Promise<unknown> | undefined;
    answer = (parks) => {
      late ??= queue.park(park('c'));
      return Promise.resolve(parks.map(() => 'done'));
    };
    await Promise.all([queue.park(park('a')), queue.park(park('b'))]);
    await late;
    expect(calls).toEqual([['a', 'b'], ['c']]);
  });

  it('keeps a call to a bounded number of entries, and of bytes', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, i) => queue.park(park(String(i)))));
    expect(calls.map(({ length }) => length)).toEqual([128, 72]);
    calls = [];
    await Promise.all(['a', 'b', 'c'].map((id) => queue.park(park(id, 200_000))));
    expect(calls).toEqual([['a'], ['b'], ['c']]);
  });

  it('rejects what was refused and nothing else', async () => {
    answer = (parks) =>
      Promise.resolve(
        parks.map(({ entry }) => (entry.id === 'bad' ? { refused: 'UNUSABLE write' } : 'done')),
      );
    const [good, bad] = await Promise.allSettled([queue.park(park('a')), queue.park(park('bad'))]);
    expect(good).toEqual({ status: 'fulfilled', value: 'done' });
    expect(bad).toMatchObject({ status: 'rejected', reason: { message: 'UNUSABLE write' } });
  });

  it('sends each by itself when Redis will not even begin with all of them', async () => {
    answer = (parks) =>
      parks.some(({ entry }) => entry.id === 'bad')
        ? Promise.reject(new Error("CROSSSLOT Keys in request don't hash to the same slot"))
        : Promise.resolve(parks.map(() => 'done'));
    const ends = await Promise.allSettled(['a', 'bad', 'c'].map((id) => queue.park(park(id))));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(calls).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  });

  it('rejects all of a call that Redis refuses for now, and goes on with the next', async () => {
    answer = () => Promise.reject(new Error('LOADING Redis is loading the dataset in memory'));
    const ends = await Promise.allSettled(['a', 'b'].map((id) => queue.park(park(id))));
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(calls).toEqual([['a', 'b']]);
    answer = (parks) => Promise.resolve(parks.map(() => 'done'));
    expect(await queue.park(park('a'))).toBe('done');
  });
});
