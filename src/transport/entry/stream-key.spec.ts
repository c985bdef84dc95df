import fc from 'fast-check';
import { InvalidOptionError } from './client-errors.js';
import { checkStreamNames, deadLetterKeyOf, helperKeyOf, streamKeyOf } from './names.js';

/** What Redis Cluster hashes of a key: keys with the same share a slot. */
function hashed(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
}

const single = (streams: Record<string, string> = {}) => ({ streams, cluster: false });
const cluster = (streams: Record<string, string> = {}) => ({ streams, cluster: true });

describe('deadLetterKeyOf', () => {
  it.each(['orders', 'orders.eu', '{shop}:orders', 'orders.DLT'])(
    'of "%s" is what its pattern with .DLT stands for, and on a cluster in the same slot',
    (pattern) => {
      for (const naming of [single(), cluster(), cluster({ orders: 'shop' })]) {
        const stream = streamKeyOf(pattern, naming);
        const letters = deadLetterKeyOf(stream, naming.cluster);
        expect(letters).toBe(streamKeyOf(pattern.replace(/(\.DLT)?$/, '.DLT'), naming));
        if (naming.cluster) expect(hashed(letters)).toBe(hashed(stream));
      }
    },
  );
});

describe('streamKeyOf', () => {
  it.each([
    ['orders', {}, 'orders'],
    ['orders.DLT', {}, 'orders.DLT'],
    ['orders', { orders: 'foo' }, 'foo'],
    ['orders.DLT', { orders: 'foo' }, 'foo.DLT'],
    ['orders.processed', { orders: 'foo' }, 'foo.processed'],
    ['orders.eu.DLT', { orders: 'foo', 'orders.eu': 'bar' }, 'bar.DLT'],
    ['orders.us.DLT', { orders: 'foo', 'orders.eu': 'bar' }, 'foo.us.DLT'],
    ['orders.DLT', { orders: 'foo', 'orders.DLT': 'graveyard' }, 'graveyard'],
    ['ordersDLT', { orders: 'foo' }, 'ordersDLT'],
    ['toString', {}, 'toString'],
    ['__proto__', {}, '__proto__'],
  ])('names the stream of %s, with %j listed, %s', (pattern, streams, key) => {
    expect(streamKeyOf(pattern, single(streams))).toBe(key);
  });

  it.each([
    ['orders', {}, 'orders'],
    ['orders.DLT', {}, '{orders}.DLT'],
    ['orders.eu.DLT', {}, '{orders}.eu.DLT'],
    ['orders.DLT', { orders: 'shop.eu' }, '{shop}.eu.DLT'],
    ['orders.DLT', { orders: '{shop}:orders' }, '{shop}:orders.DLT'],
    ['{a}.b', {}, '{a}.b'],
    ['.orders', {}, '.orders'],
  ])('tags on a cluster: %s, with %j listed, is %s', (pattern, streams, key) => {
    expect(streamKeyOf(pattern, cluster(streams))).toBe(key);
  });

  it('keeps relatives and helper keys in the slot of their stream', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => !/[.{}]/.test(text));
    fc.assert(
      fc.property(name, name, name, (pattern, key, part) => {
        const naming = cluster({ [pattern]: key });
        const slot = hashed(streamKeyOf(pattern, naming));

        expect(hashed(streamKeyOf(`${pattern}.DLT`, naming))).toBe(slot);
        expect(hashed(helperKeyOf(key, part))).toBe(slot);
      }),
    );
  });
});

describe('helperKeyOf', () => {
  it.each([
    ['orders', '{orders}:order:42'],
    ['orders.DLT', '{orders.DLT}:order:42'],
    ['{orders}.DLT', '{orders}.DLT:order:42'],
    ['{}orders', '{{}orders}:order:42'],
  ])('of %s is %s', (key, helper) => {
    expect(helperKeyOf(key, 'order', '42')).toBe(helper);
  });
});

describe('checkStreamNames', () => {
  it('takes distinct names', () => {
    expect(() => checkStreamNames({ orders: 'a', payments: 'b' })).not.toThrow();
  });

  it('refuses two patterns on one stream, and names both', () => {
    expect(() => checkStreamNames({ orders: 'a', payments: 'a' })).toThrow(InvalidOptionError);
    expect(() => checkStreamNames({ orders: 'a', payments: 'a' })).toThrow(
      /streams\.payments.*"a".*"orders"/,
    );
  });

  it('refuses an empty key', () => {
    expect(() => checkStreamNames({ orders: '' })).toThrow('streams.orders');
  });
});
