import { ClaimSize } from './abandoned-rows.js';

const claimOf = (count: number, bytes: number) => ({
  entries: Array.from({ length: count }, () => ({
    entry: { id: '1-0', parts: [Buffer.from('data'), Buffer.alloc(bytes - 4)] },
    deliveryCount: 2,
  })),
  vanished: [],
});

describe('ClaimSize', () => {
  it('begins small and doubles while entries are small, up to 500', () => {
    const size = new ClaimSize();
    const sizes = Array.from({ length: 6 }, () => {
      const { most } = size;
      size.learn(claimOf(most, 200));
      return most;
    });
    expect(sizes).toEqual([32, 64, 128, 256, 500, 500]);
  });

  it('shrinks to what fits into a megabyte, and never to nothing', () => {
    const size = new ClaimSize();
    size.learn(claimOf(4, 262_144));
    expect(size.most).toBe(4);
    size.learn(claimOf(1, 4_194_304));
    expect(size.most).toBe(1);
    size.learn(claimOf(1, 200));
    expect(size.most).toBe(2);
  });

  it('learns nothing from a claim that brought nothing', () => {
    const size = new ClaimSize();
    size.learn({ entries: [], vanished: ['1-0'] });
    expect(size.most).toBe(32);
  });
});
