import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, numbered } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

const ENTRIES = 1_000;

describe('Retention', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(async () => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
    const pipeline = redis.pipeline();
    for (let i = 0; i < ENTRIES; i += 1) pipeline.xadd(stream, `${i + 1}-0`, 'orderId', `order-${i}`);
    await pipeline.exec();
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  async function start(setup: Partial<ServerSetup> = {}): Promise<StartedServer> {
    const running = await startServer({ stream, handler: () => undefined, ...setup });
    started.push(running);
    return running;
  }
  const allHandled = (running: StartedServer) =>
    eventually(() => (running.told.processed.length >= ENTRIES ? true : undefined));
  /** The look at a stream comes with the first run of the recovery after a start. */
  async function startAgain(setup: Partial<ServerSetup> = {}): Promise<StartedServer> {
    await started.pop()?.close();
    return start(setup);
  }

  it('removes what is old once every group has it, and nothing before', async () => {
    await redis.xgroup('CREATE', stream, 'second-group', '0');
    await allHandled(await start());
    const { told } = await startAgain();
    await eventually(() => told['stale-group'][0]);
    expect(told['stale-group']).toMatchObject([{ staleGroup: 'second-group' }]);
    expect(await redis.xlen(stream)).toBeGreaterThanOrEqual(ENTRIES);

    const read = ['GROUP', 'second-group', 'c', 'COUNT', 2 * ENTRIES, 'NOACK', 'STREAMS', stream, '>'];
    await redis.call('XREADGROUP', ...read);
    const again = await startAgain();
    await eventually(() => again.told.trimmed[0]);
    await eventuallyPasses(async () => expect(await redis.xlen(stream)).toBeLessThan(100));
    expect(again.told.trimmed.every(({ forced }) => !forced)).toBe(true);
  });

  it('removes what is beyond the length, once every group has it', async () => {
    const retention = { maxAgeMs: Date.now() * 2, maxEntries: 250 };
    await allHandled(await start({ options: { retention } }));
    await startAgain({ options: { retention } });
    await eventuallyPasses(async () => {
      expect(await redis.xlen(stream)).toBeLessThan(450);
      expect(await redis.xlen(stream)).toBeGreaterThanOrEqual(250);
    });
  });

  it('never removes an entry that waits for a retry, however old', async () => {
    const handler: ServerSetup['handler'] = ({ orderId }) => {
      if (orderId === 'order-0') throw new Error('waits');
    };
    const options = { retry: { backoff: { type: 'fixed', delayMs: 3_600_000 } } } as const;
    const first = await start({ handler, options });
    await eventually(() => (first.told.processed.length === ENTRIES - 1 ? true : undefined));
    const { told } = await startAgain({ handler, options });
    await eventually(() => told['stale-group'][0]);
    expect(await redis.xrange(stream, '1-0', '1-0')).toHaveLength(1);
    expect(told.trimmed).toEqual([]);
  });

  it('cuts what a group still needs only where that was asked for, and says so', async () => {
    await redis.xgroup('CREATE', stream, 'never-reads', '0');
    const { told } = await start({ options: { retention: { hardMaxEntries: 300 } } });
    await eventually(() => told.trimmed.find(({ forced }) => forced));
    expect(await redis.xlen(stream)).toBeLessThan(450);
  });

  it('leaves dead letters alone unless they were given an age', async () => {
    await redis.xadd(`${stream}.DLT`, '1-0', 'orderId', 'old');
    for (let i = 0; i < 150; i += 1) await redis.xadd(`${stream}.DLT`, `${i + 2}-0`, 'orderId', 'old');
    await allHandled(await start());
    await startAgain();
    await eventuallyPasses(async () => expect(await redis.xlen(stream)).toBeLessThan(100));
    expect(await redis.xlen(`${stream}.DLT`)).toBe(151);
    await startAgain({ options: { retention: { deadLetterMaxAgeMs: 60_000 } } });
    await eventuallyPasses(async () => expect(await redis.xlen(`${stream}.DLT`)).toBeLessThan(100));
  });

  it('takes nothing from those who come late: a backlog is handled while it trims', async () => {
    const running = await start({ options: { retention: { maxAgeMs: 1, maxEntries: 1 } } });
    await addOrders(redis, stream, numbered(ENTRIES, 'late'));
    await eventually(() => (running.told.processed.length === 2 * ENTRIES ? true : undefined));
    expect(running.told.vanished).toEqual([]);
  });
});
