import type { Commit } from '../settlement.js';
import { commitArguments, settlementsOf } from './settlement-calls.js';

const OWN = ['orders', 'receipt'];

function commitOf(id: string, more: Partial<Commit> = {}): Commit {
  return { entry: { id, deliveryCount: 1 }, writes: [], emits: [], ...more };
}

function laidOut(...commits: Commit[]) {
  const followUps = { maxEntries: 10, maxAgeMs: 20 };
  const { keys, args } = commitArguments({ lane: 0, sequence: 7, commits, followUps }, OWN);
  const [sequence, maxEntries, maxAgeMs, least, greatest, forms, texts] = args;
  return {
    ...{ keys, limits: [sequence, maxEntries, maxAgeMs], bounds: [least, greatest] },
    forms: JSON.parse(String(forms)) as unknown,
    texts: JSON.parse(String(texts)) as unknown,
  };
}

describe('The arguments of commits', () => {
  const order = (n: number): Commit =>
    commitOf(`${n}-0`, {
      writes: [{ command: 'hset', key: `order:${n}`, args: ['state', n] }],
      emits: [{ stream: 'done', fields: ['data', `{"n":${n}}`] }],
    });

  it('say once what commits share, and for each what is its own', () => {
    expect(laidOut(order(1), order(2))).toEqual({
      keys: [...OWN, 'done', 'order:1', 'order:2'],
      limits: [7, 10, 20],
      bounds: ['1-0', '2-0'],
      forms: [[[1, [[3, 1, 2]], [['hset', 2]], 0]], [1, 1], 1],
      texts: ['1-0', 'data', '{"n":1}', 'state', '1', '2-0', 'data', '{"n":2}', 'state', '2'],
    });
  });

  it.each<[string, Partial<Commit>]>([
    ['delivery count', { entry: { id: '2-0', deliveryCount: 2 } }],
    ['stream of an event', { emits: [{ stream: 'others', fields: ['data', '1'] }] }],
    ['number of fields', { emits: [{ stream: 'done', fields: ['data', '1', 'a', 'b'] }] }],
    ['number of events', { emits: [] }],
    ['command', { writes: [{ command: 'sadd', key: 'order:2', args: ['state', '2'] }] }],
    ['number of arguments', { writes: [{ command: 'hset', key: 'order:2', args: ['a', 1, 'b', 2] }] }],
    ['number of writes', { writes: [] }],
    ['guard', { guard: { key: 'marker', expected: 'a', value: 'b', ttlMs: 1 } }],
  ])('tell commits apart that differ in the %s', (_, other) => {
    const { forms } = laidOut(order(1), { ...order(2), ...other }, order(3));
    expect(forms).toMatchObject([{ length: 2 }, [1, 2, 1], expect.any(Number)]);
  });

  it('put the key and the texts of a guard before those of the writes, and never trim dead letters', () => {
    const guard = { key: 'marker', expected: 'mine', value: 'done', ttlMs: 5 };
    const { keys, texts, forms } = laidOut({
      ...order(1),
      ...{ guard, emits: [{ stream: 'done.DLT', fields: ['data', '1'] }] },
    });
    expect(keys).toEqual([...OWN, 'done.DLT', 'marker', 'order:1']);
    expect(texts).toEqual(['1-0', 'mine', 'done', '5', 'data', '1', 'state', '1']);
    expect(forms).toMatchObject([[[1, [[3, 0, 2]], [['hset', 2]], 1]], [1], 1]);
  });

  it.each([
    [['9-0', '10-0'], '9-0', '10-0'],
    [['5-10', '5-9'], '5-9', '5-10'],
    // One is the longer text, and yet the earlier entry.
    [['1700000000001-1', '1700000000000-12'], '1700000000000-12', '1700000000001-1'],
    [['7-0'], '7-0', '7-0'],
  ])('name the least and the greatest of the ids %j', (ids, least, greatest) => {
    expect(laidOut(...ids.map((id) => commitOf(id))).bounds).toEqual([least, greatest]);
  });

  it('are answered in one word when all is well, else one by one', () => {
    const commits = [order(1), order(2)];
    expect(settlementsOf('done', commits.length)).toEqual(['done', 'done']);
    expect(settlementsOf(['taken', 'WRONGTYPE'], commits.length)).toEqual([
      'taken',
      { refused: 'WRONGTYPE' },
    ]);
  });
});
