import fc from 'fast-check';
import type { RedisDeadLetters } from '../../../src/transport/redis/broker/redis-dead-letters.js';
import { RedisUnavailableError } from '../../../src/transport/index.js';
import { deadLetter, deadLetterEntry, openDeadLetters, request } from '../../support/dead-letters.js';
import { onEveryServer, type FunctionWorld } from '../../support/function-world.js';
import { seedDeadLetters } from '../../support/seeded-dead-letters.js';
import { GROUP } from '../../support/started-server.js';
import { fieldsOf } from '../../support/original-fields.js';

const bytes = (...parts: (string | Buffer)[]): Buffer[] => parts.map((part) => Buffer.from(part));

/** Entries that are hard to give back as they were. */
const ENTRIES: Record<string, Buffer[]> = {
  'plain fields': bytes('orderId', '1', 'retry', '0'),
  'a payload with headers': bytes('data', '{"orderId":"1"}', 'retry', '3', 'correlation-id', 'c-1'),
  'no retry': bytes('data', '{}'),
  'a retry that is no number': bytes('orderId', '1', 'retry', 'abc'),
  'fields that dead-lettering renamed': bytes('dlt-reason', 'mine', 'dlt-original-field-x', 'y', 'dlt-z', ''),
  'bytes that are not UTF-8': bytes(Buffer.from([0xff]), Buffer.from([0xfe, 0, 13, 10]), 'data', 'x'),
  'fields twice': bytes('orderId', '1', 'orderId', '2'),
  'empty names and values': bytes('', '', '', 'b'),
  '1,500 fields': bytes(...Array.from({ length: 1_500 }, (_, i) => [`f${i}`, `v,${i}:`]).flat()),
};

/** What a replay must give back: the same, with `retry` 0. */
const withRetryZero = (fields: readonly Buffer[]): Buffer[] =>
  fields.map((part, i) => (i % 2 === 1 && fields[i - 1]?.toString() === 'retry' ? Buffer.from('0') : part));

async function readEntry(world: FunctionWorld, id = ''): Promise<Buffer[]> {
  const [entry] = await world.redis.xrangeBuffer(world.stream, id, id);
  return entry?.[1] ?? [];
}

const ids = async (world: FunctionWorld, stream = world.stream): Promise<string[]> =>
  (await world.redis.xrange(stream, '-', '+')).map(([id]) => id);

const audit = async (world: FunctionWorld): Promise<Record<string, string>[]> =>
  (await world.redis.xrange(`{${world.stream}}:@audit`, '-', '+')).map(([, fields]) => ({
    ...fieldsOf(fields),
  }));

onEveryServer('A dead letter', (world) => {
  let letters: RedisDeadLetters;
  beforeEach(() => {
    letters = openDeadLetters(world());
  });
  afterEach(() => letters.close());

  it.each(Object.entries(ENTRIES))('goes back byte for byte: %s', async (_, fields) => {
    const id = await deadLetter(world(), fields);
    const [outcome, entryId] = await letters.replay(request(id));
    expect(outcome).toBe('done');
    const entry = await readEntry(world(), entryId);
    expect(entry.slice(0, fields.length)).toEqual(withRetryZero(fields));
    const added = fieldsOf(entry.slice(fields.length).map(String));
    const hadRetry = fields.some((part, i) => i % 2 === 0 && part.toString() === 'retry');
    expect({ ...added }).toEqual({
      'dlt-replays': '1',
      ...(!hadRetry && { retry: '0' }),
      'replay-group': GROUP,
      'replay-history': expect.stringMatching(/^\d+-\d+:\d+-\d+$/) as string,
    });
    expect(await ids(world(), world().letters)).toEqual([]);
  });

  it('goes back byte for byte, whatever it is', async () => {
    const part = fc.oneof(
      fc
        .constantFrom('retry', 'data', 'dlt-reason', 'dlt-original-packed', 'replay-x', '')
        .map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 12 }).map((array) => Buffer.from(array)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(part, part), { minLength: 1, maxLength: 12 }), async (pairs) => {
        const fields = pairs.flat();
        const [, entryId] = await letters.replay(request(await deadLetter(world(), fields)));
        const entry = await readEntry(world(), entryId);
        expect(entry.slice(0, fields.length)).toEqual(withRetryZero(fields));
      }),
      { numRuns: 100 },
    );
  });

  it('counts its replays and keeps where it came from, however often it goes round', async () => {
    let fields: Buffer[] = [];
    let entryId: string | undefined = await world().delivered(bytes('orderId', '1'));
    const letterIds: string[] = [];
    for (let round = 1; round <= 12; round += 1) {
      const id = await deadLetterEntry(world(), entryId ?? '', round - 1);
      letterIds.push(id);
      [, entryId] = await letters.replay(request(id));
      expect(
        await world()
          .broker()
          .wasReplayed(world().stream, entryId ?? ''),
      ).toBe(true);
      await world().deliver();
      fields = await readEntry(world(), entryId);
      expect(fields.map(String).filter((part) => part === 'replay-group')).toHaveLength(1);
    }
    const entry = fieldsOf(fields.map(String));
    expect(entry['dlt-replays']).toBe('12');
    expect(entry['replay-history']?.split(' ').map((step) => step.split(':')[1])).toEqual(
      letterIds.slice(-10),
    );
  });

  it.each(['1'.repeat(300_000), '1-1:2-2'])(
    'goes back at once, and without what a producer says of replays: %.10s…',
    async (history) => {
      const forged = ['dlt-replays', '7', 'replay-group', 'nobody', 'replay-history', history];
      const id = await deadLetter(world(), bytes(...forged, 'orderId', '1', ...forged));
      const [outcome, entryId] = await letters.replay(request(id));
      expect(outcome).toBe('done');
      expect((await readEntry(world(), entryId)).map(String)).toEqual([
        ...['orderId', '1', 'dlt-replays', '1', 'retry', '0', 'replay-group', GROUP, 'replay-history'],
        expect.stringMatching(new RegExp(`^\\d+-\\d+:${id}$`)),
      ]);
    },
  );

  it('goes back for every group when the one that it failed in is gone', async () => {
    const id = await deadLetter(world(), bytes('orderId', '1'));
    await world().redis.xgroup('DESTROY', world().stream, GROUP);
    const [, entryId] = await letters.replay(request(id));
    expect(fieldsOf((await readEntry(world(), entryId)).map(String))).not.toHaveProperty('replay-group');
  });

  it('goes back with another payload where one is given', async () => {
    const before = bytes('correlation-id', 'c-1', 'data', '{', 'retry', '7');
    const [, entryId] = await letters.replay({
      ...request(await deadLetter(world(), before)),
      data: '{"a":1}',
    });
    expect(fieldsOf((await readEntry(world(), entryId)).map(String))).toMatchObject({
      ...{ data: '{"a":1}', 'correlation-id': 'c-1', retry: '0' },
    });
    const flat = await deadLetter(world(), bytes('orderId', '1', 'amount', 'x'));
    const [, secondId] = await letters.replay({ ...request(flat), data: '{"a":2}' });
    const second = fieldsOf((await readEntry(world(), secondId)).map(String));
    expect(second.data).toBe('{"a":2}');
    expect(second).not.toHaveProperty('orderId');
  });

  it('is acknowledged in every group that reads the dead letters, then deleted', async () => {
    const id = await deadLetter(world());
    for (const group of ['alarm', 'archive']) {
      await world().redis.xgroup('CREATE', world().letters, group, '0');
      await world().redis.xreadgroup('GROUP', group, 'one', 'STREAMS', world().letters, '>');
    }
    expect(await letters.replay(request(id))).toMatchObject(['done', expect.any(String)]);
    for (const group of ['alarm', 'archive']) {
      expect(await world().redis.xpending(world().letters, group)).toEqual([0, null, null, null]);
    }
  });

  it('of a thousand goes back once each when ten at a time try', async () => {
    const { redis, stream } = world();
    await seedDeadLetters(redis, { stream, group: GROUP, count: 1_000, prefix: 'many-' });
    const made = await ids(world(), world().letters);
    const before = (await ids(world())).length;
    const replicas = Array.from({ length: 10 }, () => openDeadLetters(world()));
    const outcomes: (readonly [string, string?])[] = [];
    try {
      for (let at = 0; at < made.length; at += 20) {
        const attempts = made
          .slice(at, at + 20)
          .flatMap((id) => replicas.map((replica, n) => replica.replay(request(id, `replica ${n}`))));
        outcomes.push(...(await Promise.all(attempts)));
      }
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
    const done = outcomes.filter(([outcome]) => outcome === 'done');
    expect(done).toHaveLength(1_000);
    expect(outcomes.filter(([outcome]) => outcome === 'replayed')).toHaveLength(9_000);
    const added = (await ids(world())).slice(before);
    expect(done.map(([, entryId]) => entryId).sort()).toEqual([...added].sort());
    expect(await audit(world())).toHaveLength(1_000);
  });

  it('answers a repeat of the same request with the same entry, and another one that it went', async () => {
    const id = await deadLetter(world());
    const first = await letters.replay(request(id));
    const length = (await ids(world())).length;
    expect(await letters.replay(request(id))).toEqual(first);
    expect(await letters.replay(request(id, 'another'))).toEqual(['replayed', first[1]]);
    expect(await letters.discard(id, 'another', { action: 'discard', by: 'test' })).toEqual([
      'replayed',
      first[1],
    ]);
    expect((await ids(world())).length).toBe(length);
    expect(await world().redis.pttl(`{${world().stream}}:@taken-out:${id}`)).toBeGreaterThan(86_000_000);
  });

  it('that never was is missing; one that comes from elsewhere, or holds too much, stays', async () => {
    expect(await letters.replay(request('1-1'))).toEqual(['missing']);
    expect(await letters.discard('1-1', 'token', { action: 'discard', by: 'test' })).toEqual(['missing']);
    const foreign = await world().redis.xadd(
      world().letters,
      '*',
      'a',
      'b',
      'dlt-original-stream',
      'elsewhere',
    );
    expect(await letters.replay(request(foreign ?? ''))).toEqual(['foreign']);
    const packed = await world().redis.xadd(world().letters, '*', 'dlt-original-packed', 'nonsense');
    expect(await letters.replay({ ...request(packed ?? ''), streamSaid: true })).toEqual(['unreadable']);
    const large = await deadLetter(world(), Array.from({ length: 5_000 }, (_, i) => [`f${i}`, '']).flat());
    expect(await letters.replay(request(large))).toEqual(['too-large']);
    expect(await ids(world(), world().letters)).toEqual([foreign, packed, large]);
    expect(await letters.replay({ ...request(large), data: '{}' })).toMatchObject([
      'done',
      expect.any(String),
    ]);
  });

  it('that somebody else wrote goes back where its stream is said, for every group, and nothing that it says is believed', async () => {
    await world().delivered();
    const says = ['dlt-original-stream', world().stream, 'dlt-original-consumer-group', GROUP];
    const more = ['dlt-replays', '41', 'replay-history', '1-1:2-2', 'dlt-original-id', '3-3'];
    const fields = ['orderId', '7', 'retry', '2', ...says, ...more];
    const id = (await world().redis.xadd(world().letters, '*', ...fields)) ?? '';
    expect(await letters.readUp(id, id, 1)).toMatchObject([{ id, foreign: true }]);
    expect(await letters.replay(request(id))).toEqual(['foreign']);
    expect(await ids(world(), world().letters)).toEqual([id]);
    const [, entryId] = await letters.replay({ ...request(id), streamSaid: true });
    expect((await readEntry(world(), entryId)).map(String)).toEqual([
      ...['orderId', '7', 'dlt-replays', '1', 'retry', '0', 'replay-history', ''],
    ]);
  });

  it('is ours for as long as it is there, and its id is nobody else’s afterwards', async () => {
    const [replayed, discarded] = [await deadLetter(world()), await deadLetter(world())];
    expect(await letters.readUp('-', '+', 2)).toMatchObject([{ foreign: false }, { foreign: false }]);
    await letters.replay(request(replayed));
    await letters.discard(discarded, 'token', { action: 'discard', by: 'test' });
    expect(await world().redis.exists(`{${world().stream}}:@letters`)).toBe(0);
  });

  it.each(['replayed', 'discarded'])('that was %s is made of its entry no second time', async (end) => {
    const entry = await world().delivered();
    const id = await deadLetterEntry(world(), entry, 0);
    if (end === 'replayed') await letters.replay(request(id));
    else await letters.discard(id, 'token', { action: 'discard', by: 'test' });
    await world().redis.xgroup('SETID', world().stream, GROUP, '0');
    await world().redis.xreadgroup('GROUP', GROUP, 'worker', 'COUNT', 1, 'STREAMS', world().stream, '>');
    expect(await world().row(entry)).toMatchObject({ owner: 'worker', count: 1 });
    expect(await deadLetterEntry(world(), entry, 0)).toBe('');
    expect(await world().row(entry)).toBeUndefined();
    expect(await ids(world(), world().letters)).toEqual([]);
  });

  it('is made of an entry whose id came before in another life of the stream', async () => {
    const broker = world().broker();
    await world().add(['orderId', '1'], '1-1');
    await world().deliver();
    expect(await deadLetterEntry(world(), '1-1', 0)).not.toBe('');
    await broker.keepFloor(world().stream);
    await world().redis.del(world().stream);
    await broker.ensureGroup(world().stream);
    await world().add(['orderId', '2'], '1-1');
    await world().deliver();
    expect(await deadLetterEntry(world(), '1-1', 0)).not.toBe('');
    expect(await ids(world(), world().letters)).toHaveLength(2);
  });

  it('is discarded once, with a reason that stays', async () => {
    const id = await deadLetter(world());
    const discard = { action: 'discard', by: 'test', reason: 'a test order' };
    expect(await letters.discard(id, 'one', discard)).toEqual(['done', '']);
    expect(await letters.discard(id, 'one', discard)).toEqual(['done', '']);
    expect(await letters.discard(id, 'two', discard)).toEqual(['discarded', '']);
    expect(await letters.replay(request(id))).toEqual(['discarded', '']);
    expect(await ids(world(), world().letters)).toEqual([]);
    expect(await audit(world())).toEqual([
      expect.objectContaining({ ...discard, deadLetterId: id, deadLetterReason: 'retries-exhausted' }),
    ]);
  });

  it('applies the writes of the application in the same step', async () => {
    const id = await deadLetter(world());
    const key = world().key('record');
    const writes = [{ command: 'hset', key, args: ['state', 'accepted'] }] as const;
    await letters.replay({ ...request(id), writes });
    expect(await world().redis.hget(key, 'state')).toBe('accepted');
  });

  it('stays when Redis is out of memory, and can be discarded then', async () => {
    const id = await deadLetter(world());
    await letters.replay(request('1-1'));
    await world().redis.config('SET', 'maxmemory', '1');
    const before = await world().dump();
    await expect(letters.replay(request(id))).rejects.toBeInstanceOf(RedisUnavailableError);
    expect(await world().dump()).toEqual(before);
    expect(await letters.discard(id, 'token', { action: 'discard', by: 'test' })).toEqual(['done', '']);
  });

  it.each(['.DLT', ':@audit', ':@taken-out', ':@replay-job', ':@letters', ':@replayed', ''])(
    'stays when "…%s" holds another type',
    async (part) => {
      const id = await deadLetter(world());
      const { stream, redis } = world();
      const beside = part === ':@taken-out' ? `{${stream}}${part}:${id}` : `{${stream}}${part}`;
      const key = part.startsWith(':') ? beside : `${stream}${part}`;
      await redis.del(key);
      await redis.sadd(key, 'a set');
      const before = await world().dump();
      await expect(letters.replay(request(id))).rejects.toThrow(/WRONGTYPE/);
      expect(await world().dump()).toEqual(before);
    },
  );

  it.each(['xdel', 'xadd', 'xack', 'set', 'zadd', 'zscore', 'zrem'])(
    'stays when this user lacks the right to %s',
    async (command) => {
      const id = await deadLetter(world());
      await letters.replay(request('1-1'));
      const acl = ['SETUSER', 'service', 'reset', 'on', '>secret', '~*', '+@all', `-${command}`] as const;
      await world().redis.acl(...acl);
      const url = world().server.url.replace('redis://', 'redis://service:secret@');
      const limited = openDeadLetters(world(), url);
      const before = await world().dump();
      await expect(limited.replay(request(id))).rejects.toThrow(command);
      expect(await world().dump()).toEqual(before);
      await limited.close();
      await world().redis.acl('DELUSER', 'service');
    },
  );
});

onEveryServer('The lease of a replay job', (world) => {
  it('ends in its time, also when its end is stamped in the future of a clock that was set back', async () => {
    const { redis } = world();
    const lease = world().key('lease');
    await redis.set(lease, 'dead', 'PX', 43_200_000);
    expect(await world().call('hold_lease', [lease], ['successor', 60_000])).toBe(0);
    expect(await redis.pttl(lease)).toBeLessThanOrEqual(60_000);
    await redis.pexpire(lease, 30_000);
    expect(await world().call('hold_lease', [lease], ['successor', 60_000])).toBe(0);
    expect(await redis.pttl(lease)).toBeLessThanOrEqual(30_000);
    expect(await redis.get(lease)).toBe('dead');
  });
});
