import { hotConsumers } from './stream-state.js';

const named = (...pending: number[]) =>
  pending.map((count, index) => ({ name: `c${index}`, pending: count }));

it.each<[string, number[], string[]]>([
  ['nobody', [], []],
  ['one consumer, whatever it holds', [5000], []],
  ['two that share', [60, 50], []],
  ['one that holds all, and one that holds nothing', [0, 10], ['c1']],
  ['little in all', [9, 0, 0], []],
  ['more than half, but less than twice the next', [55, 40, 5], []],
  ['twice the next, but not half of all', [40, 20, 20, 20], []],
  ['more than half and twice the next', [3, 60, 30, 2], ['c1']],
])('%s', (_, pending, hot) => {
  expect([...hotConsumers(named(...pending))]).toEqual(hot);
});
