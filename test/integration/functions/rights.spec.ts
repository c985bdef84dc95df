import { MissingPermissionError } from '../../../src/transport/index.js';
import { failureOf, isAboutCommand } from '../../../src/transport/redis/redis-failure.js';
import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

/** The rights of a consumer,. */
const RIGHTS = [
  ...[
    '+xreadgroup',
    '+xack',
    '+xclaim',
    '+xpending',
    '+xadd',
    '+xgroup|create',
    '+xgroup|delconsumer',
    '+xinfo',
  ],
  ...[
    '+xlen',
    '+xrange',
    '+xtrim',
    '+set',
    '+get',
    '+type',
    '+time',
    '+zadd',
    '+zrem',
    '+zrangebyscore',
    '+zcard',
  ],
  ...['+zscore', '+fcall', '+ping', '+info', '+hello', '+client|setname', '+quit'],
];
/** What writes of the application need on top. */
const WRITES = [
  ...['+hset', '+hexists', '+hdel', '+hget', '+hincrby', '+pexpire', '+incrby'],
  ...['+sadd', '+srem', '+rpush', '+lpush'],
];
/** Used by the connection itself or by the read loop, which says by itself what it may not do. */
const NOT_CHECKED = ['+xreadgroup', '+fcall', '+ping', '+info', '+hello', '+client|setname', '+quit'];
/** What a call of commits says beside the commits. */
const CALL = { lane: 0, sequence: 1, followUps: { maxEntries: 100, maxAgeMs: 60_000 } };

onEveryServer('A Redis user', (world) => {
  /** A broker of a user with these rights on the stream and what lies beside it. */
  const brokerWith = async (rights: readonly string[], keys = [world().stream, `${world().stream}.DLT`]) => {
    const patterns = [...keys, `{${world().stream}}*`].map((key) => `~${key}`);
    await world().redis.acl(
      ...(['SETUSER', 'service', 'reset', 'on', '>secret', '-@all', ...patterns, ...rights] as const),
    );
    return world().broker('worker', world().server.url.replace('redis://', 'redis://service:secret@'));
  };
  beforeEach(() => world().broker('admin').prepare(world().stream, false)); // The library is there.
  afterEach(() => world().redis.acl('DELUSER', 'service'));

  it('with the rights of a consumer may do everything that the transport does', async () => {
    const broker = await brokerWith([...RIGHTS, '+hset', '+hexists']);
    await broker.prepare(world().stream, false);
    await broker.ensureGroup(world().stream);
    const [failing, poison, done] = [await world().add(), await world().add(), await world().add()];
    await world().deliver();
    const { stream } = world();
    const writes = [{ command: 'hset', key: world().key('record'), args: ['a', 'b'] }] as const;
    expect(await broker.park(stream, { id: failing, deliveryCount: 1 }, 0, writes)).toBe('done');
    expect((await broker.claimDue(stream, 10, 60_000)).entries).toHaveLength(1);
    const request = { owner: 'worker', leastIdleMs: 0, added: ['dlt-reason', 'malformed'], held: [], writes };
    const letter = await broker.deadLetter(stream, { ...request, entry: { id: poison, deliveryCount: 1 } });
    expect(letter.settlement).toBe('done');
    expect(await broker.acknowledge(stream, [done])).toBe(1);
    const commits = [{ entry: { id: failing, deliveryCount: 2 }, writes, emits: [] }];
    expect(await broker.commit(stream, { ...CALL, commits })).toEqual(['done']);
    expect(await broker.announce(stream, 'ack-waits', 1_000, ['worker'])).toBe(1_000);
    expect(await broker.consumers(stream)).toHaveLength(1);
    await broker.repairWaiting(stream);
    await broker.freeFuture(stream, '-');
    await broker.keepFloor(stream);
    await broker.trim(stream, { maxAgeMs: 1, maxEntries: 1 });
    await broker.probe(stream);
  });

  it.each(RIGHTS.filter((right) => !NOT_CHECKED.includes(right)))(
    'without %s is told so at start',
    async (right) => {
      const broker = await brokerWith(RIGHTS.filter((other) => other !== right));
      await world().redis.xgroup('CREATE', world().stream, GROUP, '0', 'MKSTREAM');
      const before = await world().dump();
      const prepared = broker.prepare(world().stream, false);
      await expect(prepared).rejects.toBeInstanceOf(MissingPermissionError);
      await expect(prepared).rejects.toThrow(right.slice(1).split('|')[0]);
      expect(await world().dump()).toEqual(before);
    },
  );

  it.each(WRITES)(
    'without %s is told so at start when the application adds writes, and only then',
    async (right) => {
      const broker = await brokerWith([...RIGHTS, ...WRITES.filter((other) => other !== right)]);
      await broker.prepare(world().stream, false);
      await expect(broker.prepare(world().stream, true)).rejects.toThrow(right.slice(1));
      expect(await world().dump()).toEqual({});
    },
  );

  it.each([
    ['incrby', { command: 'incrby', args: ['1'] }],
    ['sadd', { command: 'sadd', args: ['1'] }],
    ['hget', { command: 'hincrby', args: ['field', '1'] }],
  ] as const)(
    'without +%s is refused a commit that needs it, and nothing of it is written',
    async (right, write) => {
      const broker = await brokerWith([...RIGHTS, ...WRITES.filter((other) => other !== `+${right}`)]);
      const { stream } = world();
      const entry = { id: await world().delivered(), deliveryCount: 1 };
      const writes = [
        { command: 'hset', key: world().key('record'), args: ['a', 'b'] } as const,
        { ...write, key: world().key('other') },
      ];
      const before = await world().dump();
      const [answer] = await broker.commit(stream, { ...CALL, commits: [{ entry, writes, emits: [] }] });
      expect(answer).toEqual({ refused: expect.stringMatching(`${right} on .*other`) as string });
      expect(await world().dump()).toEqual(before);
    },
  );

  it.each(['hset', 'hexists', 'sadd'])(
    'without +%s is refused such a commit after others of its call, and nothing of it is written',
    async (right) => {
      const broker = await brokerWith([...RIGHTS, ...WRITES.filter((other) => other !== `+${right}`)]);
      const { stream } = world();
      const entries = [await world().delivered(), await world().delivered()];
      const emits = [{ stream: `{${stream}}.paid`, fields: ['data', '1'] }];
      const writes = [
        { command: 'onlyifabsent', key: world().key('record'), args: ['a'] } as const,
        { command: 'hset', key: world().key('record'), args: ['a', 'b'] } as const,
        { command: 'sadd', key: world().key('members'), args: ['a'] } as const,
      ];
      const commits = [
        { writes: [{ command: 'set', key: world().key('text'), args: ['x'] }] as const, emits },
        { writes, emits },
      ].map((one, i) => ({ ...one, entry: { id: entries[i] ?? '', deliveryCount: 1 } }));
      const answers = await broker.commit(stream, { ...CALL, commits });
      expect(answers).toEqual([
        'done',
        { refused: expect.stringMatching(`may not use ${right} on`) as string },
      ]);
      expect(await world().redis.xlen(`{${stream}}.paid`)).toBe(1);
      expect(await world().redis.exists(world().key('record'), world().key('members'))).toBe(0);
    },
  );

  it('without a right to a key of a commit is refused that call, and nothing of it is written', async () => {
    const broker = await brokerWith([...RIGHTS, ...WRITES]);
    const entry = { id: await world().delivered(), deliveryCount: 1 };
    const commits = [
      { entry, writes: [{ command: 'set', key: 'elsewhere', args: ['1'] }] as const, emits: [] },
    ];
    const before = await world().dump();
    const refusal: unknown = await broker
      .commit(world().stream, { ...CALL, commits })
      .catch((error: unknown) => error);
    expect(isAboutCommand(refusal)).toBe(true);
    expect(await world().dump()).toEqual(before);
  });

  it('that may do all is asked at start without a trace, also before there is a stream', async () => {
    const broker = await brokerWith([...RIGHTS, ...WRITES]);
    await broker.prepare(world().stream, true);
    expect(await world().dump()).toEqual({});
    await world().add();
    const before = await world().dump();
    await broker.prepare(world().stream, true);
    expect(await world().dump()).toEqual(before);
  });

  it.each([
    ['the dead-letter stream', () => [world().stream]],
    ['the stream', () => [`${world().stream}.DLT`]],
  ])('without a right to %s is told so at start', async (_, keys) => {
    const broker = await brokerWith(RIGHTS, keys());
    const refusal: unknown = await broker.prepare(world().stream, false).catch((error: unknown) => error);
    expect(failureOf(refusal)).toBe('no-permission');
  });

  it('that may not load the library, when it is not there, is told what to do', async () => {
    const broker = await brokerWith(RIGHTS);
    await world().redis.function('FLUSH');
    await expect(broker.prepare(world().stream, false)).rejects.toThrow(/function\|load/);
  });
});
