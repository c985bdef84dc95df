import { Redis } from 'ioredis';
import { lastValueFrom } from 'rxjs';
import { RedisStreamsClient, type RedisStreamsContext } from '../../../src/transport/index.js';
import { deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startServer, type StartedServer, type TestHandler } from '../../support/started-server.js';

/** How long the trouble lasts: much longer than all delays of the backoff together, in milliseconds. */
const LASTS_MS = 2_500;
const ORDERS = 200;

interface TroubleOfRedis {
  readonly begin: () => Promise<unknown>;
  readonly end: () => Promise<unknown>;
}

let server: TestRedis;
let redis: Redis;
let own: Redis;
let client: RedisStreamsClient;
let running: StartedServer;
let goOn: () => boolean;
let directory: string;
const warnings: string[] = [];
const noteWarning = ({ name }: Error): unknown => warnings.push(name);

beforeAll(async () => {
  process.on('warning', noteWarning);
  server = await startRedis({ kind: 'process', args: ['--enable-protected-configs', 'yes'] });
  redis = openRedis(server.url);
});
beforeEach(async () => {
  await redis.config('SET', 'maxmemory', '0');
  // As a user's code opens one: with a limit on its commands, and not for ever.
  own = new Redis(server.url, { commandTimeout: 300, maxRetriesPerRequest: 1 });
  own.on('error', () => undefined);
  client = new RedisStreamsClient({ connection: { url: server.url }, emitTimeoutMs: 300 });
  await eventuallyPasses(() => client.connect()); // which the limit on an emit ends, too
});
afterEach(async () => {
  own.disconnect();
  await Promise.all([running.close(), client.close()]);
});
afterAll(async () => {
  process.off('warning', noteWarning);
  redis.disconnect();
  await server.stop();
});

const config = (name: string, value: string) => redis.config('SET', name, value);

async function stopRedis(): Promise<void> {
  const [, pid] = /process_id:(\d+)/.exec(await redis.info('server')) ?? [];
  process.kill(Number(pid), 'SIGSTOP');
  goOn = () => process.kill(Number(pid), 'SIGCONT');
}

const TROUBLES: Record<string, TroubleOfRedis> = {
  'is full': { begin: () => config('maxmemory', '1'), end: () => config('maxmemory', '0') },
  'has too few replicas': {
    begin: () => config('min-replicas-to-write', '1'),
    end: () => config('min-replicas-to-write', '0'),
  },
  'is a replica': {
    begin: () => redis.replicaof('127.0.0.1', 1),
    end: () => redis.replicaof('NO', 'ONE'),
  },
  'stands still': {
    begin: stopRedis,
    end: () => Promise.resolve(goOn()),
  },
  'cannot save': {
    begin: async () => {
      [, directory] = (await redis.config('GET', 'dir')) as [string, string];
      await config('dir', '/proc');
      await config('save', '3600 1');
      await redis.bgsave();
      await eventuallyPasses(async () => expect(await redis.set('x', '1').catch(String)).toMatch('MISCONF'));
    },
    end: async () => {
      await config('save', '');
      await config('dir', directory);
    },
  },
};

/** What handlers do with Redis, by the number of the order. */
const WRITES: ((orderId: string, context: RedisStreamsContext) => unknown)[] = [
  (orderId, context) =>
    context.commit((tx) =>
      tx.incrby(`{${running.stream}}:sum`, 1).set(`{${running.stream}}:${orderId}`, '1'),
    ),
  (orderId) => own.set(`seen:${orderId}`, '1'),
  (orderId) => own.multi().set(`seen:${orderId}`, '1').incr('seen').exec(),
  (orderId) => lastValueFrom(client.emit(`${running.stream}-more`, { orderId })),
  async (orderId) => {
    try {
      await own.set(`seen:${orderId}`, '1');
    } catch (cause) {
      throw new Error('The order could not be saved', { cause });
    }
  },
];

const write: TestHandler = (payload, context) => {
  const orderId = String(payload.orderId);
  const kind = Number(orderId.split('-')[1]) % WRITES.length;
  return WRITES[kind]?.(orderId, context);
};

/** Adds orders in one step, so that the trouble can begin before any of them is read. */
async function addOrders(stream: string, count: number): Promise<void> {
  const multi = redis.multi();
  for (const orderId of numbered(count)) multi.xadd(stream, '*', 'orderId', orderId, 'retry', '0');
  await multi.exec();
}

describe.each(Object.entries(TROUBLES))('While Redis %s for longer than all retries', (_, trouble) => {
  it('no attempt is charged, and every order is processed afterwards', async () => {
    let isHeld = true;
    running = await startServer({
      url: server.url,
      options: { maxInFlight: 20, retry: { maxRetries: 1, backoff: { type: 'fixed', delayMs: 20 } } },
      handler: async (payload, context) => {
        await eventually(() => (isHeld ? undefined : true));
        return write(payload, context);
      },
    });
    await addOrders(running.stream, ORDERS);
    await eventually(() => (running.told.received.length >= 20 ? true : undefined));
    await trouble.begin();
    isHeld = false;
    await eventually(() => running.told['intake-paused'][0]);
    await eventually(async () => ((await running.server.checkHealth()).ready ? undefined : true));
    await new Promise((resolve) => setTimeout(resolve, LASTS_MS));
    await trouble.end();
    const entries = () => new Set(running.told.processed.map(({ entryId }) => entryId)).size;
    await eventually(() => (entries() >= ORDERS ? true : undefined));
    await eventuallyPasses(async () => expect(await pendingRows(redis, running.stream)).toEqual([]));
    expect(await deadLetters(redis, running.stream)).toEqual([]);
    expect(running.told['retry-scheduled']).toEqual([]);
    expect(warnings).toEqual([]);
    expect(running.told['intake-resumed'].length).toBe(running.told['intake-paused'].length);
    expect(new Set(running.told['put-off'].map(({ reason }) => reason))).toEqual(new Set(['redis']));
    // Those that were under way met the trouble, and hardly any others were given to a handler to meet it too.
    expect(running.told['put-off'].length).toBeLessThan(ORDERS);
    await eventuallyPasses(async () => expect((await running.server.checkHealth()).causes).toEqual([]));
  });
});

describe('A handler that hangs, as Redis stands still', () => {
  it('is put off uncharged, however short its time is, and charged when it hangs by itself', async () => {
    const patient = openRedis(server.url);
    let hangs: string[] = [];
    running = await startServer({
      url: server.url,
      options: { retry: { maxRetries: 0, handlerTimeoutMs: 300 } },
      handler: ({ orderId }) => {
        if (orderId === 'hanging') return new Promise(() => undefined);
        hangs.push(String(orderId));
        return eventually(() => (isStopped ? true : undefined)).then(() => patient.set('seen', '1'));
      },
    });
    let isStopped = false;
    await addOrders(running.stream, 3);
    await eventually(() => (hangs.length === 3 ? true : undefined));
    await stopRedis();
    isStopped = true;
    await eventually(() => (running.told.failed.length >= 3 ? true : undefined));
    await eventually(() => running.told['intake-paused'][0]);
    goOn();
    await eventually(() => (running.told['put-off'].length >= 3 ? true : undefined));
    expect(new Set(running.told['put-off'].map(({ reason }) => reason))).toEqual(new Set(['redis']));
    await eventuallyPasses(async () => expect(await pendingRows(redis, running.stream)).toEqual([]));
    expect(await deadLetters(redis, running.stream)).toEqual([]);

    hangs = [];
    await eventually(async () => ((await running.server.checkHealth()).ready ? true : undefined));
    await redis.xadd(running.stream, '*', 'orderId', 'hanging', 'retry', '0');
    expect(await eventually(() => running.told['dead-lettered'][0])).toMatchObject({
      reason: 'retries-exhausted',
    });
    patient.disconnect();
  });
});

describe('An entry whose handler names trouble that is not there', () => {
  it('does not stop the intake for others, and is charged once it was put off for long enough', async () => {
    running = await startServer({
      url: server.url,
      options: {
        maxPutOffMs: 300,
        retry: { maxRetries: 1, backoff: { type: 'fixed', delayMs: 20 } },
      },
      handler: ({ orderId }) => {
        if (orderId === 'mistaken') throw new Error('Connection is closed.');
      },
    });
    await redis.xadd(running.stream, '*', 'orderId', 'mistaken', 'retry', '0');
    await eventually(() => running.told['put-off'][1]);
    await addOrders(running.stream, 50);
    await eventually(() => (running.told.processed.length >= 50 ? true : undefined));
    const letter = await eventually(() => running.told['dead-lettered'][0]);
    expect(letter).toMatchObject({ reason: 'retries-exhausted', deliveryCount: 2 });
    expect(running.told['retry-scheduled']).toHaveLength(1);
    expect(running.told['intake-paused']).toEqual([]);
    const putOffs = running.told['put-off'];
    expect(putOffs.map(({ times }) => times)).toEqual(putOffs.map((__, i) => i + 1));
    expect(putOffs.reduce((sum, { delayMs }) => sum + delayMs, 0)).toBeGreaterThan(280);
    expect(putOffs.at(-1)?.delayMs).toBeGreaterThan(2 * (putOffs[0]?.delayMs ?? 0));
  });

  it('goes on with the delays that another process had come to', async () => {
    const handler = (): never => {
      throw new Error('Connection is closed.');
    };
    const options = { retry: { backoff: { type: 'fixed', delayMs: 100 } } } as const;
    const first = (running = await startServer({ url: server.url, options, handler }));
    const id = await redis.xadd(running.stream, '*', 'orderId', 'order-1', 'retry', '0');
    const ofEntry = ({ told }: StartedServer) => told['put-off'].filter(({ entryId }) => entryId === id);
    await eventually(() => ofEntry(first)[1]);
    await first.close();
    const { stream } = first;
    running = await startServer({ url: server.url, stream, options, handler });
    const { times } = await eventually(() => ofEntry(running)[0]);
    expect(times).toBe(ofEntry(first).length + 1);
    const [key = ''] = await redis.keys(`*${stream}*put-off*`);
    // When it is due it may stand in a line for long: its put-offs must be known when its turn comes.
    expect(await redis.pttl(key)).toBeGreaterThan(12 * 3_600_000);
  });
});
