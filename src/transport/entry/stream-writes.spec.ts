import { UnencodableEventError } from './client-errors.js';
import { ENTRY_ID, StreamWrites } from './writes.js';

describe('StreamWrites', () => {
  it('collects writes in their order', () => {
    const writes = new StreamWrites()
      .hset('h', { a: '1', b: 2, id: ENTRY_ID })
      .hsetnx('h', 'first', ENTRY_ID)
      .hdel('h', 'x', 'y')
      .set('s', 'v')
      .del('d')
      .pexpire('h', 5_000);

    expect(writes.list()).toMatchObject([
      { command: 'hset', key: 'h', args: ['a', '1', 'b', 2, 'id', ENTRY_ID] },
      { command: 'hsetnx', key: 'h', args: ['first', ENTRY_ID] },
      { command: 'hdel', key: 'h', args: ['x', 'y'] },
      { command: 'set', key: 's', args: ['v'] },
      { command: 'del', key: 'd', args: [] },
      { command: 'pexpire', key: 'h', args: [5_000] },
    ]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses to expire in %p ms', (ms) => {
    expect(() => new StreamWrites().pexpire('h', ms)).toThrow(UnencodableEventError);
  });

  it('refuses a write without what it writes', () => {
    expect(() => new StreamWrites().hset('h', {})).toThrow('hset of "h"');
    expect(() => new StreamWrites().hdel('h')).toThrow('hdel of "h"');
  });

  it('refuses more than a step may carry', () => {
    const writes = new StreamWrites();
    for (let i = 0; i < 100; i += 1) writes.del(`k${i}`);
    expect(() => writes.del('one-more')).toThrow('more than 100 writes');

    const fields = Array.from({ length: 1_001 }, String);
    expect(() => new StreamWrites().hdel('h', ...fields)).toThrow('1 to 1000 arguments');
  });
});
