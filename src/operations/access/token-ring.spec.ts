import { TokenRing } from './token-ring.js';

const ring = new TokenRing({ adminToken: 'admin-token-01234', readToken: 'read-token-012345' });

describe('TokenRing', () => {
  it.each([
    ['Bearer admin-token-01234', 'admin'],
    ['bearer  read-token-012345', 'read'],
    ['Bearer admin-token-0123', undefined],
    ['Bearer admin-token-012345', undefined],
    ['Basic admin-token-01234', undefined],
    ['admin-token-01234', undefined],
    ['Bearer ', undefined],
    [undefined, undefined],
  ])('says whose token %j is', (header, name) => {
    expect(ring.holderOf(header)?.name).toBe(name);
  });

  it('is empty without tokens, and then nobody holds one', () => {
    const empty = new TokenRing({});
    expect(empty.isEmpty).toBe(true);
    expect(empty.holderOf('Bearer undefined')).toBeUndefined();
  });
});
