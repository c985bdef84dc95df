import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import {
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  RedisUnavailableError,
  type RedisStreamsClientOptions,
} from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { ServerProcess } from '../../support/server-process.js';
import { serverPort } from '../../support/server-port.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

const TEST_LIMIT_MS = 60_000;

let server: ServerProcess;
let redis: Redis;
let proxy: TcpProxy;
let stream: string;
let client: RedisStreamsClient;

beforeAll(async () => {
  const port = await serverPort();
  server = new ServerProcess(port);
  await server.start(['--port', String(port), '--save', '']);
  redis = openRedis(`redis://127.0.0.1:${port}`);
  // A user who may add to streams, and do nothing else.
  await redis.acl('SETUSER', 'adder', 'on', '>adder', '%W~*', '+xadd', '+ping', '+info', '+client|setname');
});
beforeEach(async () => {
  proxy = await startProxy('127.0.0.1', server.port);
  stream = uniqueName('orders');
  client = clientWith({});
});
afterEach(async () => {
  await client.close();
  await proxy.stop();
});
afterAll(async () => {
  redis.disconnect();
  await server.kill();
});

function clientWith(options: Partial<RedisStreamsClientOptions>, user = ''): RedisStreamsClient {
  const connection = { url: `redis://${user}127.0.0.1:${proxy.port}` };
  return new RedisStreamsClient({
    ...{ connection, streams: { orders: stream }, emitTimeoutMs: 20_000, log: false },
    ...options,
  });
}

const emit = (payload: unknown) => firstValueFrom(client.emit<string>('orders', payload));
const plain = (payload: string): unknown => payload;
const keyed = (payload: string) => new RedisStreamsRecordBuilder(payload).setIdempotencyKey(payload).build();
const counting = (payload: string) =>
  new RedisStreamsRecordBuilder(payload)
    .setWrites((tx) => tx.incrby(client.helperKey('orders', 'count'), 1))
    .build();

/** In the order in which they are in the stream. */
const added = async () =>
  (await redis.xrange(stream, '-', '+')).map(
    ([id, fields]) => [id, JSON.parse(fields[1] ?? '') as unknown] as const,
  );

const texts = async (): Promise<unknown[]> => (await added()).map(([, text]) => text);

describe('An emit whose answer is lost', () => {
  it.each([
    ['alone', plain],
    ['with writes', counting],
    ['with a key', keyed],
  ])('%s completes with the id of its entry, which is there once', async (_, record) => {
    await emit('first');
    const payload = uniqueName('lost');
    proxy.loseAnswerTo(payload);
    const id = await emit(record(payload));
    await emit('last');
    expect((await added()).slice(1, -1)).toEqual([[id, payload]]);
    if (record === counting) expect(await redis.get(client.helperKey('orders', 'count'))).toBe('1');
  });

  /** Does something to Redis as soon as there is a new entry, before the emit can be sent again. */
  async function whenAdded(command: string, ...args: string[]): Promise<() => Promise<void>> {
    const other = redis.duplicate();
    await other.ping();
    const last = (await redis.xrevrange(stream, '+', '-', 'COUNT', 1))[0]?.[0] ?? '';
    const done = [other.xread('BLOCK', 0, 'STREAMS', stream, last), other.call(command, ...args)];
    return async () => {
      await Promise.all(done);
      other.disconnect();
    };
  }

  const REFUSALS = [
    ['out of memory', 'OOM', ['maxmemory', '1'], ['maxmemory', '0']],
    ['lacking replicas', 'NOREPLICAS', ['min-replicas-to-write', '1'], ['min-replicas-to-write', '0']],
  ] as const;

  it.each(
    REFUSALS.flatMap((refusal) => [plain, counting, keyed].map((record) => [...refusal, record] as const)),
  )(
    'is asked for again while Redis refuses writes, %s, and completes afterwards',
    async (_, code, harm, mend, record) => {
      await emit(record('first'));
      const refused = async () =>
        new RegExp(`errorstat_${code}:count=(\\d+)`).exec(await redis.info('errorstats'))?.[1];
      const before = await refused();
      const payload = uniqueName('lost');
      proxy.loseAnswerTo(payload);
      const harmed = await whenAdded('CONFIG', 'SET', ...harm);
      let settled = false;
      const lost = emit(record(payload)).finally(() => (settled = true));
      lost.catch(() => undefined);
      await harmed();
      await eventuallyPasses(async () => expect(await refused()).not.toBe(before));
      const isEarly = settled;
      await redis.config('SET', ...mend);
      expect(isEarly).toBe(false);
      const id = await lost;
      expect((await added()).slice(1)).toEqual([[id, payload]]);
    },
    TEST_LIMIT_MS,
  );

  it.each([
    ['that does not pass in time', plain, 'CONFIG', 'SET', 'maxmemory', '1'],
    ['that will not pass', plain, 'ACL', 'SETUSER', 'able', '-fcall'],
    ['that will not pass, with a key', keyed, 'ACL', 'SETUSER', 'able', '-fcall'],
  ])('fails at a refusal %s, and says that it may be there', async (_, record, ...harm) => {
    await redis.acl('SETUSER', 'able', 'on', '>able', '~*', '&*', '+@all');
    client = clientWith({ emitTimeoutMs: 1_500 }, 'able:able@');
    await emit(record('first'));
    const payload = uniqueName('lost');
    proxy.loseAnswerTo(payload);
    const [command, ...args] = harm as [string, ...string[]];
    const harmed = await whenAdded(command, ...args);
    const lost: unknown = await emit(record(payload)).catch((error: unknown) => error);
    await harmed();
    await redis.config('SET', 'maxmemory', '0');
    expect(lost).toBeInstanceOf(RedisUnavailableError);
    expect(lost).toMatchObject({ mayBeThere: true });
    expect(await texts()).toEqual(['first', payload]);
  });

  it('says that it may be there when its connection is ended before the answer', async () => {
    await emit('first');
    server.freeze();
    const lost = emit('second').catch((error: unknown) => error);
    await new Promise(setImmediate);
    client.unwrap<Redis>().disconnect();
    server.thaw();
    expect(await lost).toMatchObject({ mayBeThere: true });
    await eventuallyPasses(async () => expect(await texts()).toEqual(['first', 'second']));
  });

  it('fails, and says that it may be there, when nothing is known of it any more', async () => {
    client = clientWith({});
    await emit('first');
    const payload = uniqueName('lost');
    proxy.loseAnswerTo(payload);
    const lost = emit(payload).catch((error: unknown) => error);
    await eventuallyPasses(async () => expect(await added()).toHaveLength(2));
    await redis.del(...(await redis.keys(`{${stream}}:@emits:*`)));
    expect(await lost).toBeInstanceOf(RedisUnavailableError);
    expect(await lost).toMatchObject({ mayBeThere: true });
    await emit('last');
    expect(await texts()).toEqual(['first', payload, 'last']);
  });

  it('fails, and is not sent again, for a user who may only add to the stream', async () => {
    client = clientWith({}, 'adder:adder@');
    await emit('first');
    const payload = uniqueName('lost');
    proxy.loseAnswerTo(payload);
    const lost: unknown = await emit(payload).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(RedisUnavailableError);
    expect(lost).toMatchObject({ mayBeThere: true });
    await emit('last');
    expect(await texts()).toEqual(['first', payload, 'last']);
  });
});

it.each([
  ['a user who may do everything', ''],
  ['a user who may only add to the stream', 'adder:adder@'],
])(
  'emits of one client are added once and in order while its links break, by %s',
  async (_, user) => {
    client = clientWith({}, user);
    const isKeyed = (number: number): boolean => user === '' && number % 5 === 3;
    // Until Redis has carried out the first send of a client, it cannot tell a lost one from one that it never saw.
    const outcomes = [Promise.resolve<string | undefined>(await emit('0'))];
    const doubted: string[] = [];
    for (let turn = 0; turn < 60; turn += 1) {
      for (let each = 0; each < 40; each += 1) {
        const payload = String(outcomes.length);
        const record = isKeyed(outcomes.length) ? keyed(payload) : payload;
        const outcome = emit(record).catch((error: unknown) => {
          expect(error).toMatchObject({ mayBeThere: true });
          doubted.push(payload);
          return undefined;
        });
        outcomes.push(outcome);
      }
      if (turn % 6 === 2) proxy.cut();
      if (turn % 6 === 5) proxy.cutReplies();
      for (let trip = 0; trip < 5 * (turn % 3); trip += 1) await redis.ping();
      if (turn % 6 === 5) await outcomes.at(-1);
    }
    const ids = await Promise.all(outcomes);
    const entries = await added();
    const numbers = entries.map(([, text]) => Number(text));
    // A keyed emit is sent without a number, and may be added before others that were under way with it.
    for (const sent of [numbers.filter(isKeyed), numbers.filter((number) => !isKeyed(number))])
      expect(sent).toEqual([...new Set(sent)].sort((a, b) => a - b));
    const place = new Map(entries.map(([id, text]) => [String(text), id]));
    ids.forEach((id, number) => {
      if (id !== undefined) expect(place.get(String(number))).toBe(id);
    });
    if (user === '') expect(doubted).toEqual([]);
    else expect(doubted.length).toBeGreaterThan(0);
  },
  TEST_LIMIT_MS,
);

it.each([
  ['with writes', () => counting],
  ['plain between keyed ones', (number: number) => (number % 2 ? keyed : plain)],
])(
  'what Redis keeps of the emits of a client is bounded: many at once, %s',
  async (_, kindOf) => {
    const burst = Array.from({ length: 1_200 }, (__, number) => emit(kindOf(number)(String(number))));
    await Promise.all(burst);
    expect(await redis.xlen(stream)).toBe(1_200);
    const [mark = ''] = await redis.keys(`{${stream}}:@emits:*`);
    // It never becomes shorter; a record takes about thirty characters.
    expect(await redis.strlen(mark)).toBeLessThan(128 * 40);
  },
  TEST_LIMIT_MS,
);

it(
  'a Redis that stands still, and then reads what old links still hold, adds nothing twice',
  async () => {
    client = clientWith({ emitTimeoutMs: 30_000 });
    await emit('first');
    let connects = 0;
    client.unwrap<Redis>().on('connect', () => void (connects += 1));
    server.freeze();
    const all: Promise<unknown>[] = [];
    for (let number = 0; number < 400; number += 1) {
      // More than Redis reads of a link at once, so that it turns to the next link in between.
      all.push(emit(`${number} ${'x'.repeat(5_000)}`));
      if (number % 50 === 0) await new Promise(setImmediate);
    }
    await eventually(() => (connects > 0 ? connects : undefined));
    server.thaw();
    await Promise.all(all);
    const numbers = (await added()).slice(1).map(([, text]) => Number.parseInt(String(text), 10));
    expect(numbers).toEqual(Array.from({ length: 400 }, (_, number) => number));
  },
  TEST_LIMIT_MS,
);
