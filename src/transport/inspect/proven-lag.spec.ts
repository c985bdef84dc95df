import { lagByPage, lagByPlace, LAG_PAGE } from './stream-state.js';

describe('The lag of a group', () => {
  it.each<[string, number, string, string, string, number | undefined]>([
    ['at the end of its stream', 9, '1-0', '9-0', '9-0', 0],
    ['beyond its end', 9, '1-0', '9-0', '10-0', 0],
    ['of a stream without entries', 0, '0-0', '9-0', '5-0', 0],
    ['before the first entry', 4, '7-1', '9-0', '7-0', 4],
    ['at the first entry', 4, '7-0', '9-0', '7-0', undefined],
    [
      'whose ids are beyond 2^53',
      4,
      '18446744073709551615-1',
      '18446744073709551615-3',
      '18446744073709551615-0',
      4,
    ],
  ])('%s', (_, length, firstId, lastId, delivered, lag) => {
    expect(lagByPlace({ length, firstId, lastId }, delivered)).toBe(lag);
  });

  it.each<[string, number | null, number | undefined, number | 'unknown']>([
    ['is what was counted, whatever Redis says', 172, 3, 3],
    ['is what was counted where Redis says nothing', null, 3, 3],
    ['is what Redis says where more lie behind than a page', 70, LAG_PAGE, 70],
    ['is unknown where Redis says less than lies behind', 3, LAG_PAGE, 'unknown'],
    ['is unknown where Redis says more than there can be', 172, LAG_PAGE, 'unknown'],
    ['is unknown where nobody knows', null, LAG_PAGE, 'unknown'],
    ['is what Redis says where nobody may look', 70, undefined, 70],
  ])('in the middle %s', (_, claimed, behind, lag) => {
    expect(lagByPage({ length: 100, firstId: '1-0', lastId: '9-0' }, claimed, behind)).toBe(lag);
  });
});
