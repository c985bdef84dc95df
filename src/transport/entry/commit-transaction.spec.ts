import { CommitTransaction } from './commit-transaction.js';
import { CommitTooLargeError } from './errors.js';
import { UnencodableEventError } from './client-errors.js';

const transaction = ({ cluster = false, stream = 'orders' } = {}) =>
  new CommitTransaction(stream, { streams: { payments: 'shop' }, cluster });

describe('CommitTransaction', () => {
  it('collects writes in their order, and events as the client encodes them', () => {
    const tx = transaction();
    tx.collect((t) => t.set('a', 1).incrby('n', 2n).emit('payments.done', { a: 1 }, { tenant: 'x' }));
    tx.collect((t) => t.zadd('z', { m: -Infinity }));

    expect(tx.list()).toEqual([
      { command: 'set', key: 'a', args: [1] },
      { command: 'incrby', key: 'n', args: ['2'] },
      { command: 'zadd', key: 'z', args: ['-inf', 'm'] },
    ]);
    expect(tx.emits).toEqual([
      { stream: 'shop.done', fields: ['data', '{"a":1}', 'retry', '0', 'tenant', 'x'] },
    ]);
  });

  it('takes back what was added by a call that throws, or that is asynchronous', () => {
    const tx = transaction();
    tx.set('kept', 'x');
    const bytes = tx.bytes;
    const fails = (t: CommitTransaction): void => {
      t.set('a', '1').emit('payments', {});
      throw new RangeError('no');
    };

    expect(() => tx.collect(fails)).toThrow(RangeError);
    expect(() => tx.collect((t) => Promise.resolve(t.set('a', '1')))).toThrow('not an async one');
    expect([tx.list().length, tx.emits.length, tx.bytes]).toEqual([1, 0, bytes]);
  });

  it('refuses what comes after the function that it was given to, and is open again to the next one', () => {
    const tx = transaction();
    tx.collect((t) => t.set('a', 1));

    expect(() => tx.set('b', 1)).toThrow(
      'set came too late: write before the function that context.commit was given',
    );
    expect(() => tx.emit('payments', {})).toThrow('emit came too late');
    expect([tx.list().length, tx.emits.length]).toEqual([1, 0]);
    tx.collect((t) => t.set('b', 1));
    expect(tx.list()).toHaveLength(2);
  });

  it.each<[string, (tx: CommitTransaction) => unknown]>([
    ['100 writes', (tx) => Array.from({ length: 101 }, () => tx.del('a'))],
    ['100 events', (tx) => Array.from({ length: 101 }, () => tx.emit('payments', {}))],
    ['1,000 arguments', (tx) => tx.rpush('a', ...Array<string>(1_001).fill('x'))],
    ['256 KiB in one write', (tx) => tx.set('a', 'x'.repeat(262_144))],
    ['256 KiB in all', (tx) => Array.from({ length: 5 }, () => tx.emit('payments', 'x'.repeat(60_000)))],
    [
      '256 KiB of many small ones',
      (tx) => Array.from({ length: 20 }, () => tx.sadd('a', ...Array<string>(900).fill(''))),
    ],
  ])('holds no more than %s', (_, collect) => {
    expect(() => collect(transaction())).toThrow(CommitTooLargeError);
  });

  it.each<[string, (tx: CommitTransaction) => unknown]>([
    ['an empty key', (tx) => tx.set('', 'x')],
    ['a value that is no text and no number', (tx) => tx.set('a', undefined as unknown as string)],
    ['NaN', (tx) => tx.hset('a', { b: Number.NaN })],
    ['half a surrogate pair', (tx) => tx.set('a', '\ud800')],
    ['a part of one', (tx) => tx.incrby('a', 0.5)],
    ['an integer that lost digits', (tx) => tx.incrby('a', 2 ** 53)],
    ['more than 64 bits', (tx) => tx.hincrby('a', 'b', 2n ** 63n)],
    ['a score that is no number', (tx) => tx.zadd('a', { b: Number.NaN })],
    ['no members', (tx) => tx.sadd('a')],
    ['no time', (tx) => tx.pexpire('a', 0)],
    ['an event without a payload', (tx) => tx.emit('payments', undefined)],
  ])('refuses %s', (_, collect) => {
    const tx = transaction();
    expect(() => collect(tx)).toThrow(UnencodableEventError);
    expect([tx.list().length, tx.emits.length]).toEqual([0, 0]);
  });

  it('keeps to one hash slot on a cluster, and names the key that does not', () => {
    const tx = transaction({ cluster: true });
    tx.set('{orders}:a', 'x').emit('orders.processed', {});

    expect(() => tx.set('other', 'x')).toThrow(/set of "other".*\{orders\}/);
    expect(() => tx.emit('payments', {})).toThrow(/emit of "shop"/);
    expect(tx.emits.map(({ stream }) => stream)).toEqual(['{orders}.processed']);
    expect(tx.list()).toHaveLength(1);
  });
});
