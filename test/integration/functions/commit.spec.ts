import type { RedisStreamBroker } from '../../../src/transport/redis/broker/redis-stream-broker.js';
import type { Commit, Settlement, EntryRef } from '../../../src/transport/redis/settlement.js';
import { CommitTransaction } from '../../../src/transport/entry/commit-transaction.js';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

const FOLLOW_UPS = { maxEntries: 1_000_000, maxAgeMs: 86_400_000 };
const MOST = '9223372036854775807';
const GREATEST = BigInt(MOST);
const LEAST = -GREATEST - 1n;

type Collect = (tx: CommitTransaction) => unknown;

onEveryServer('A commit', (world) => {
  let broker: RedisStreamBroker;
  let sequence: number;
  beforeEach(() => {
    broker = world().broker();
    sequence = 0;
  });

  const key = (part: string): string => world().key(part);
  const delivered = async (): Promise<EntryRef> => ({ id: await world().delivered(), deliveryCount: 1 });
  const of = (entry: EntryRef, collect: Collect, guard?: Commit['guard']): Commit => {
    const tx = new CommitTransaction(world().stream, { streams: {}, cluster: false });
    tx.collect(collect);
    return { entry, writes: tx.list(), emits: tx.emits, guard };
  };
  const send = (
    commits: readonly Commit[],
    call = (sequence += 1),
    followUps = FOLLOW_UPS,
  ): Promise<Settlement[]> => broker.commit(world().stream, { lane: 0, sequence: call, commits, followUps });
  const one = async (entry: EntryRef, collect: Collect): Promise<Settlement | undefined> =>
    (await send([of(entry, collect)]))[0];
  const refused = (problem: string | RegExp) => ({ refused: expect.stringMatching(problem) as string });

  it('applies every kind of write in order, adds its events, and settles the entry', async () => {
    const { redis } = world();
    await redis.hset(key('hash'), 'first', 'kept', 'dropped', 'x', 'count', '40');
    await redis.set(key('gone'), 'x');
    await redis.sadd(key('set'), 'old', 'out');
    await redis.zadd(key('scores'), 1, 'old', 1, 'out');
    const answer = await one(await delivered(), (tx) =>
      tx
        .hset(key('hash'), { state: 'paid', n: 1, '#': '#' })
        .hsetnx(key('hash'), 'first', 'late')
        .hsetnx(key('hash'), 'second', 'new')
        .hdel(key('hash'), 'dropped')
        .hincrby(key('hash'), 'count', 2)
        .set(key('text'), 'text')
        .incrby(key('counter'), -3)
        .del(key('gone'))
        .sadd(key('set'), 'new', 7)
        .srem(key('set'), 'out')
        .zadd(key('scores'), { new: 1.5, far: Infinity })
        .zrem(key('scores'), 'out')
        .rpush(key('list'), 'b', 'c')
        .lpush(key('list'), 'a')
        .pexpire(key('hash'), 60_000)
        .emit('payments', { paid: true }, { tenant: 'a' }),
    );

    expect(answer).toBe('done');
    expect(await redis.hgetall(key('hash'))).toEqual({
      ...{ first: 'kept', second: 'new', count: '42', state: 'paid', n: '1', '#': '#' },
    });
    expect(await redis.mget(key('text'), key('counter'), key('gone'))).toEqual(['text', '-3', null]);
    expect((await redis.smembers(key('set'))).sort()).toEqual(['7', 'new', 'old']);
    expect(await redis.zrange(key('scores'), 0, -1, 'WITHSCORES')).toEqual([
      'old',
      '1',
      'new',
      '1.5',
      'far',
      'inf',
    ]);
    expect(await redis.lrange(key('list'), 0, -1)).toEqual(['a', 'b', 'c']);
    expect(await redis.pttl(key('hash'))).toBeGreaterThan(50_000);
    expect((await redis.xrange('payments', '-', '+')).map(([, fields]) => fields)).toEqual([
      ['data', '{"paid":true}', 'retry', '0', 'tenant', 'a'],
    ]);
    expect(await redis.xpending(world().stream, GROUP)).toEqual([0, null, null, null]);
  });

  it('is known by its repeat after a lost answer, and is not applied twice', async () => {
    const batch = [of(await delivered(), (tx) => tx.incrby(key('counter'), 1).emit('payments', {}))];
    expect(await send(batch, 7)).toEqual(['done']);
    const after = await world().dump();
    expect(await send(batch, 7)).toEqual(['done']);
    expect(await world().dump()).toEqual(after);
    expect(await send(batch, 8)).toEqual(['gone']);
  });

  it.each<[string, Settlement, (at: FunctionWorld, id: string) => Promise<unknown>]>([
    ['another count', 'taken', (at, id) => at.redis.xclaim(at.stream, GROUP, 'worker', 0, id)],
    ['another owner', 'taken', (at, id) => at.redis.xclaim(at.stream, GROUP, 'thief', 0, id, 'JUSTID')],
    ['an acknowledged entry', 'gone', (at, id) => at.redis.xack(at.stream, GROUP, id)],
    ['a parked entry', 'gone', (at, id) => at.redis.xclaim(at.stream, GROUP, '@retry', 0, id, 'JUSTID')],
    ['a deleted entry', 'vanished', (at, id) => at.redis.xdel(at.stream, id)],
    ['a group that is not there', 'gone', (at) => at.redis.xgroup('DESTROY', at.stream, GROUP)],
    ['a stream that is not there', 'gone', (at) => at.redis.del(at.stream)],
  ])('is kept out by %s, and writes nothing', async (_, answer, disturb) => {
    const entry = await delivered();
    await disturb(world(), entry.id);
    const before = await world().dump();
    expect(await one(entry, (tx) => tx.set(key('text'), 'zombie').emit('payments', {}))).toBe(answer);
    expect(await world().dump()).toEqual(before);
  });

  describe.each<[string, Collect, RegExp]>([
    [
      'a key of another type',
      (tx) => tx.hset(key('text'), { a: 1 }),
      /hset needs a hash at ".*text", found a string/,
    ],
    [
      'a type that it makes itself',
      (tx) => tx.set(key('new'), 'x').sadd(key('new'), 'x'),
      /sadd needs a set/,
    ],
    ['a list where a set is', (tx) => tx.sadd(key('new'), 'x').rpush(key('new'), 'x'), /rpush needs a list/],
    [
      'a sorted set where a list is',
      (tx) => tx.rpush(key('new'), 'x').zadd(key('new'), { a: 1 }),
      /zadd needs a zset/,
    ],
    [
      'an event to a key of another type',
      (tx) => tx.emit(key('text'), {}),
      /emit needs a stream at ".*text", found a string/,
    ],
    ['a write to the stream', (tx) => tx.del(world().stream), /belongs to the transport/],
    [
      'a write to a stream that it emits to',
      (tx) => tx.emit('payments', {}).del('payments'),
      /belongs to the transport/,
    ],
    ['a counter of text', (tx) => tx.incrby(key('text'), 1), /incrby of ".*text".*holds is not an integer/],
    [
      'a counter of text that it sets',
      (tx) => tx.set(key('new'), '1.0').incrby(key('new'), 1),
      /not an integer/,
    ],
    ['a field of text', (tx) => tx.hincrby(key('hash'), 'text', 1), /hincrby of ".*hash", field "text"/],
    [
      'a field that it sets',
      (tx) => tx.hset(key('hash'), { f: ' 1' }).hincrby(key('hash'), 'f', 1),
      /not an integer/,
    ],
    [
      'a field that it sets first',
      (tx) => tx.hsetnx(key('hash'), 'f', '+1').hincrby(key('hash'), 'f', 1),
      /not an int/,
    ],
    ['an overflow', (tx) => tx.incrby(key('most'), 1), /does not fit into 64 bits/],
    ['an overflow by two writes', (tx) => tx.set(key('n'), 1).incrby(key('n'), BigInt(MOST)), /does not fit/],
    ['an underflow of a field', (tx) => tx.hincrby(key('hash'), 'least', -1), /does not fit into 64 bits/],
  ])('with %s', (_, collect, problem) => {
    it('is refused, names command and key, and writes nothing', async () => {
      await world().redis.set(key('text'), 'text');
      await world().redis.set(key('most'), MOST);
      await world().redis.hset(key('hash'), 'text', 'abc', 'least', '-9223372036854775808');
      const entry = await delivered();
      const before = await world().dump();
      expect(await one(entry, (tx) => collect(tx.set(key('good'), 'x').emit('payments', {})))).toEqual(
        refused(problem),
      );
      expect(await world().dump()).toEqual(before);
    });
  });

  it.each([
    ['0', '0', '0'],
    ['9223372036854775806', '1', MOST],
    [MOST, '-9223372036854775807', '0'],
    [MOST, '-9223372036854775808', '-1'],
    ['-9223372036854775807', '-1', '-9223372036854775808'],
    ['-9223372036854775808', MOST, '-1'],
    ['10000000000', '-1', '9999999999'],
    ['-10000000000000000', '1', '-9999999999999999'],
    ['1234567890123456789', '-1234567890123456790', '-1'],
    ['-5000000000000000005', '5000000000000000004', '-1'],
    ['9007199254740993', '9007199254740993', '18014398509481986'],
  ])('reckons as Redis does: %s and %s are %s', async (held, by, sum) => {
    // What is left to the nearest bound fits, and one more does not: so the sum was reckoned to the last digit.
    const bound = BigInt(sum) >= 0n ? GREATEST : LEAST;
    const left = bound - BigInt(sum);
    const countTo = (rest: bigint) => (tx: CommitTransaction) =>
      tx.set(key('n'), held).incrby(key('n'), BigInt(by)).incrby(key('n'), rest);
    const beyond = left + (bound > 0n ? 1n : -1n);
    if (beyond <= GREATEST && beyond >= LEAST) {
      expect(await one(await delivered(), countTo(beyond))).toEqual(refused('does not fit'));
    }
    expect(await one(await delivered(), countTo(left))).toBe('done');
    expect(await world().redis.get(key('n'))).toBe(String(bound));
  });

  it('takes earlier writes into account where they make a later one possible', async () => {
    await world().redis.set(key('text'), 'text');
    const answer = await one(await delivered(), (tx) =>
      tx
        .del(key('text'))
        .hset(key('text'), { n: 5 })
        .hdel(key('text'), 'n')
        .hincrby(key('text'), 'n', 2)
        .set(key('n'), MOST)
        .incrby(key('n'), -1)
        .incrby(key('n'), 1),
    );
    expect(answer).toBe('done');
    expect(await world().redis.hgetall(key('text'))).toEqual({ n: '2' });
    expect(await world().redis.get(key('n'))).toBe(MOST);
  });

  it('harms no other of its call by being refused, taken or late', async () => {
    await world().redis.set(key('text'), 'text');
    const [a, bad, stolen, deleted, z] = [
      ...[await delivered(), await delivered(), await delivered(), await delivered(), await delivered()],
    ] as [EntryRef, EntryRef, EntryRef, EntryRef, EntryRef];
    await world().redis.xclaim(world().stream, GROUP, 'thief', 0, stolen.id, 'JUSTID');
    await world().redis.xdel(world().stream, deleted.id);
    const count = (tx: CommitTransaction): unknown => tx.incrby(key('counter'), 1);
    const batch = [
      of(a, count),
      of(bad, (tx) => tx.incrby(key('counter'), 100).hset(key('text'), { a: 1 })),
      of(stolen, count),
      of(deleted, count),
      of(z, count),
    ];
    const answers = ['done', refused('hset needs'), 'taken', 'vanished', 'done'];
    expect(await send(batch, 1)).toEqual(answers);
    expect(await send(batch, 1)).toEqual(answers);
    expect(await world().redis.get(key('counter'))).toBe('2');
    expect(await world().row(a.id)).toBeUndefined();
    expect(await world().row(bad.id)).toMatchObject({ owner: 'worker', count: 1 });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['emptied', () => world().redis.xtrim(world().stream, 'MAXLEN', 0)],
    [
      'trimmed up to an entry that came later',
      async () => world().redis.xtrim(world().stream, 'MINID', await world().add()),
    ],
  ])('is kept out, as all others of its call, when the stream was %s', async (_, trim) => {
    const entries = [await delivered(), await delivered(), await delivered()];
    await trim();
    const answers = await send(entries.map((entry) => of(entry, (tx) => tx.incrby(key('counter'), 1))));
    expect(answers).toEqual(['vanished', 'vanished', 'vanished']);
    expect(await world().redis.exists(key('counter'))).toBe(0);
  });

  it('is refused by itself when something goes wrong that no check foresaw', async () => {
    const [bad, good] = [await delivered(), await delivered()];
    const last = '18446744073709551615-18446744073709551615';
    await world().redis.xadd('full', last, 'a', 'b');
    const answers = await send([
      of(bad, (tx) => tx.emit('full', {}).set(key('text'), 'x')),
      of(good, (tx) => tx.incrby(key('counter'), 1)),
    ]);
    expect(answers).toEqual([refused(/last possible/i), 'done']);
    expect(await world().redis.exists(key('text'))).toBe(0);
    expect(await world().row(bad.id)).toMatchObject({ owner: 'worker' });
    await world().redis.del('full');
  });

  describe('after others of its call that added to the same stream', () => {
    const state = (n: number, value = 'x'): Collect => {
      return (tx) => tx.hset(key(`hash-${n}`), { value }).emit('payments', { n });
    };
    const payments = async (): Promise<unknown[]> =>
      (await world().redis.xrange('payments', '-', '+')).map(
        ([, [, data]]) => JSON.parse(data ?? '') as unknown,
      );
    const sendAll = async (...collects: Collect[]): Promise<Settlement[]> => {
      const commits: Commit[] = [];
      for (const collect of collects) commits.push(of(await delivered(), collect));
      return send(commits);
    };

    it('has its own keys and texts, whatever it consists of', async () => {
      const answers = await sendAll(
        state(1),
        (tx) => tx.set(key('text'), 'ä"\n').set(key('other'), 2),
        state(2, '{"json":true}'),
        (tx) => tx.emit('payments', { n: 3 }, { tenant: 'a' }).emit('refunds', {}),
        (tx) => tx.hset(key('hash-4'), { a: 1 }).hincrby(key('hash-4'), 'a', 2).emit('payments', { n: 4 }),
        (tx) =>
          tx
            .set(key('late'), 1)
            .hset(key('hash-5'), { b: 1 })
            .sadd(key('set'), 'm')
            .pexpire(key('set'), 60_000),
        state(6),
      );
      const { redis } = world();
      expect(answers).toEqual(Array.from({ length: 7 }, () => 'done'));
      expect(await redis.mget(key('text'), key('other'), key('late'))).toEqual(['ä"\n', '2', '1']);
      expect(await redis.hget(key('hash-1'), 'value')).toBe('x');
      expect(await redis.hget(key('hash-2'), 'value')).toBe('{"json":true}');
      expect(await redis.hget(key('hash-4'), 'a')).toBe('3');
      expect(await redis.hget(key('hash-5'), 'b')).toBe('1');
      expect(await redis.pttl(key('set'))).toBeGreaterThan(50_000);
      expect(await redis.hget(key('hash-6'), 'value')).toBe('x');
      expect(await payments()).toEqual([1, 2, 3, 4, 6].map((n) => ({ n })));
      expect(await redis.xpending(world().stream, GROUP)).toEqual([0, null, null, null]);
    });

    it.each<[string, Collect, RegExp]>([
      [
        'its first write',
        (tx) => tx.hset(key('text'), { a: 1 }),
        /hset needs a hash at ".*text", found a str/,
      ],
      [
        'a later write',
        (tx) => tx.hset(key('new'), { a: 1 }).sadd(key('text'), 'm'),
        /sadd needs a set at ".*te/,
      ],
      [
        'what its first write makes',
        (tx) => tx.hset(key('new'), { a: 1 }).sadd(key('new'), 'm'),
        /found a hash/,
      ],
      [
        'what its first write sets',
        (tx) => tx.set(key('new'), '1').hset(key('new'), { a: 1 }),
        /found a string/,
      ],
      ['its first key', (tx) => tx.set(world().stream, 'x'), /belongs to the transport/],
      ['the key of its event', (tx) => tx.set('payments', 'x'), /belongs to the transport/],
      ['a condition', (tx) => tx.onlyIfAbsent(key('text'), 'f').set(key('new'), 'x'), /needs a hash/],
    ])('is refused for %s, and writes nothing', async (_, collect, problem) => {
      await world().redis.set(key('text'), 'text');
      const answers = await sendAll(state(1), (tx) => collect(tx.emit('payments', { n: 2 })), state(3));
      expect(answers).toEqual(['done', refused(problem), 'done']);
      expect(await payments()).toEqual([{ n: 1 }, { n: 3 }]);
      expect(await world().redis.exists(key('new'))).toBe(0);
      expect(await world().redis.get(key('text'))).toBe('text');
    });

    it('finds what others of its call left', async () => {
      const claim: Collect = (tx) =>
        tx
          .onlyIfAbsent(key('record'), 'outcome')
          .hset(key('record'), { outcome: 'paid' })
          .emit('payments', { n: 2 });
      expect(await sendAll(state(1), claim, claim, state(3))).toEqual(['done', 'done', 'duplicate', 'done']);
      expect(await payments()).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    });

    it('is refused when one of them has put something else in its place', async () => {
      const answers = await sendAll(
        state(1),
        (tx) => tx.set('payments', 'text'),
        state(2),
        (tx) => tx.set(key('x'), 1).del('payments'),
      );
      expect(answers).toEqual([
        'done',
        'done',
        refused(/emit needs a stream at "payments", found a string/),
        'done',
      ]);
      expect(await world().redis.exists(key('hash-2'), 'payments')).toBe(0);
    });

    it('is refused when one of them took the last id of the stream, and writes nothing', async () => {
      await world().redis.xadd('payments', '18446744073709551615-18446744073709551614', 'data', '0');
      expect(await sendAll(state(1), state(2))).toEqual(['done', refused(/last possible/i)]);
      expect(await payments()).toEqual([0, { n: 1 }]);
      expect(await world().redis.exists(key('hash-2'))).toBe(0);
      await world().redis.del('payments');
    });
  });

  it('is not taken by a Redis that is out of memory, and nothing is written', async () => {
    const entry = await delivered();
    await broker.prepare(world().stream);
    const before = await world().dump();
    await world().redis.config('SET', 'maxmemory-policy', 'noeviction');
    await world().redis.config('SET', 'maxmemory', '1');
    await expect(one(entry, (tx) => tx.set(key('text'), 'x'))).rejects.toThrow(/^OOM/);
    expect(await world().dump()).toEqual(before);
  });

  describe('with a guard', () => {
    const guard = () => ({ key: key('marker'), expected: 'mine', value: 'done', ttlMs: 60_000 });

    it('is applied while the marker holds what is expected, and writes it', async () => {
      await world().redis.set(key('marker'), 'mine');
      const batch = [of(await delivered(), (tx) => tx.set(key('text'), 'x'), guard())];
      expect(await send(batch, 1)).toEqual(['done']);
      expect(await world().redis.mget(key('marker'), key('text'))).toEqual(['done', 'x']);
      expect(await world().redis.pttl(key('marker'))).toBeGreaterThan(50_000);
      expect(await send(batch, 1)).toEqual(['done']);
    });

    it.each([
      ["another's", 'superseded'],
      [undefined, 'superseded'],
    ])('is kept out by %s marker, and writes nothing', async (held, answer) => {
      if (held !== undefined) await world().redis.set(key('marker'), held);
      const entry = await delivered();
      const before = await world().dump();
      expect(await send([of(entry, (tx) => tx.set(key('text'), 'x'), guard())])).toEqual([answer]);
      expect(await world().dump()).toEqual(before);
    });

    it('is refused when the marker is not a string, or when a write touches it', async () => {
      const entry = await delivered();
      await world().redis.set(key('marker'), 'mine');
      expect(await send([of(entry, (tx) => tx.del(key('marker')), guard())])).toEqual([
        refused('belongs to the tran'),
      ]);
      await world().redis.del(key('marker'));
      await world().redis.sadd(key('marker'), 'mine');
      expect(await send([of(entry, (tx) => tx.set(key('text'), 'x'), guard())])).toEqual([
        refused('WRONGTYPE'),
      ]);
      expect(await world().redis.exists(key('text'))).toBe(0);
    });
  });

  describe('trims a stream that it emits to', () => {
    const fill = async (stream: string): Promise<void> => {
      for (let i = 1; i <= 300; i += 1) await world().redis.xadd(stream, `${i}-0`, 'a', 'b');
    };
    const emitTo = async (pattern: string): Promise<number> => {
      await send([of(await delivered(), (tx) => tx.emit(pattern, {}))], 1, {
        maxEntries: 100_000,
        maxAgeMs: 60_000,
      });
      return world().redis.xlen(pattern);
    };

    it('by age when no group reads it', async () => {
      await fill('unread');
      expect(await emitTo('unread')).toBeLessThan(150);
    });

    it('by length when no group reads it', async () => {
      await fill('unread');
      await send([of(await delivered(), (tx) => tx.emit('unread', {}))], 1, {
        maxEntries: 10,
        maxAgeMs: 10 ** 13,
      });
      expect(await world().redis.xlen('unread')).toBeLessThan(150);
    });

    it('never when a group reads it', async () => {
      await fill('read');
      await world().redis.xgroup('CREATE', 'read', 'others', '0');
      expect(await emitTo('read')).toBe(301);
    });

    it('never when it holds dead letters', async () => {
      await fill('some.DLT');
      expect(await emitTo('some.DLT')).toBe(301);
    });
  });
});
