import { idRange } from './dead-letter-filter.js';

describe('idRange', () => {
  it('lies between two times, or is open', () => {
    const range = idRange({ since: new Date(1_700_000_000_000), until: new Date(1_700_000_000_001) });
    expect(range).toEqual({ lowest: '1700000000000', highest: '1700000000001' });
    expect(idRange({})).toEqual({ lowest: '-', highest: '+' });
  });

  it('holds ids that Redis takes, also of times before 1970', () => {
    const before = new Date('1969-07-20T20:17:40Z');
    expect(idRange({ since: before, until: before })).toEqual({ lowest: '0', highest: '0' });
  });
});
