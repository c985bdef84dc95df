import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { abandon, addOrders, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type ServerSetup, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

describe('A dead-letter stream as input', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = `${uniqueName('orders')}.DLT`;
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  async function start(handler: ServerSetup['handler']): Promise<StartedServer> {
    const running = await startServer({ stream, handler });
    started.push(running);
    return running;
  }
  const fails = (): never => {
    throw new Error('again');
  };
  /** The dead letter is done for the group, stays where it is, and made no other. */
  const staysAsItIs = () =>
    eventuallyPasses(async () => {
      expect(await pendingRows(redis, stream)).toEqual([]);
      expect(await redis.xlen(stream)).toBe(1);
      expect(await redis.keys(`*${stream}.DLT*`)).toEqual([]);
    });

  it('has `retry` as data, and attempts count from 0', async () => {
    const { told } = await start(() => undefined);
    await redis.xadd(stream, '*', 'orderId', '1', 'retry', '2', 'dlt-reason', 'retries-exhausted');
    await eventually(() => told.processed[0]);
    expect(told.processed).toMatchObject([
      { retry: 0, headers: { retry: '2', 'dlt-reason': 'retries-exhausted' }, payload: { orderId: '1' } },
    ]);
  });

  it('keeps what fails there for good, and makes no dead letter of a dead letter', async () => {
    const { told } = await start(fails);
    await redis.xadd(stream, '*', 'orderId', '1', 'retry', '2');
    await eventually(() => told['dead-letter-failed'][0]);
    expect(told.received).toHaveLength(3);
    await staysAsItIs();
  });

  it('keeps what is malformed', async () => {
    const { told } = await start(() => undefined);
    await redis.xadd(stream, '*', 'data', '{', 'retry', '0');
    await eventually(() => told['dead-letter-failed'][0]);
    await staysAsItIs();
  });

  it('keeps what its handler died of', async () => {
    await addOrders(redis, stream, ['killer']);
    const [id = ''] = await abandon(redis, stream, { count: 4 });
    await redis.set(`{${stream}}:test-group:alone:${id}`, '4', 'PX', 60_000);
    const { told } = await start(() => undefined);
    await eventually(() => told['dead-letter-failed'][0]);
    expect(told.received).toEqual([]);
    await staysAsItIs();
  });

  it('lets go of what an operator removed while it was handled', async () => {
    let fail = (): void => undefined;
    const { told } = await start(
      () => new Promise<void>((_, reject) => (fail = () => reject(new Error('x')))),
    );
    const [id = ''] = await addOrders(redis, stream, ['1']);
    await eventually(() => told.received[0]);
    await redis.xdel(stream, id);
    fail();
    await eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
    expect(await redis.keys(`*${stream}.DLT*`)).toEqual([]);
  });
});
