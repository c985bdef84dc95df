import { tickOf } from './tick.js';

it('reads a tick', () => {
  const tick = { process: 'p', rows: [[1, 2, 3, 4]] };
  expect(tickOf(JSON.stringify(tick))).toEqual(tick);
});

it.each([
  ['no JSON', '{'],
  ['nothing', 'null'],
  ['no rows', '{"process":"p"}'],
  ['no process', '{"rows":[]}'],
  ['a row that is too short', '{"process":"p","rows":[[1,2,3]]}'],
  ['a count that is no number', '{"process":"p","rows":[[1,2,3,"4"]]}'],
  ['more rows than a window has', JSON.stringify({ process: 'p', rows: Array(101).fill([1, 2, 3, 4]) })],
])('takes %s for none', (_, message) => {
  expect(tickOf(message)).toBeUndefined();
});
