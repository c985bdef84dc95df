import { Controller } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { DeliveryOverError, RedisStreamsContext } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { addOrders, deadLetters, numbered, pendingRows } from '../../support/group-view.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis } from '../../support/redis.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import {
  GROUP,
  startServer,
  type ServerSetup,
  type StartedServer,
  type Told,
} from '../../support/started-server.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { startTransportApp } from '../../support/transport-app.js';
import { uniqueName } from '../../support/unique-name.js';

describe('What a handler commits', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  let stream: string;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
    stream = uniqueName('orders');
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  const start = async (setup: Partial<ServerSetup>): Promise<StartedServer> => {
    const running = await startServer({ stream, handler: () => undefined, ...setup });
    started.push(running);
    return running;
  };
  const key = (part: string): string => `{${stream}}:${part}`;
  const effects = (): Promise<Record<string, string>> => redis.hgetall(key('effects'));
  const nothingPending = () =>
    eventuallyPasses(async () => expect(await pendingRows(redis, stream)).toEqual([]));
  const once = (orderIds: readonly string[]) => Object.fromEntries(orderIds.map((id) => [id, '1']));
  const count = (context: RedisStreamsContext, orderId: unknown): void =>
    context.commit((tx) => tx.hincrby(key('effects'), String(orderId), 1));

  it('takes effect with the acknowledgement, once for each of many', async () => {
    const orderIds = numbered(300);
    await addOrders(redis, stream, orderIds);
    const { told } = await start({
      handler: ({ orderId }, context) => {
        count(context, orderId);
        context.commit((tx) => tx.emit(`${stream}.processed`, { orderId }, { by: 'test' }));
      },
    });
    await nothingPending();
    await eventuallyPasses(() => expect(told.processed).toHaveLength(300));
    expect(await effects()).toEqual(once(orderIds));
    const followUps = await redis.xrange(`${stream}.processed`, '-', '+');
    const expected = orderIds.map((orderId) => `{"orderId":"${orderId}"}`);
    expect(followUps.map(([, fields]) => fields[1]).sort()).toEqual(expected.sort());
    expect(followUps[0]?.[1].slice(2)).toEqual(['retry', '0', 'by', 'test']);
  });

  it('is dropped with an attempt that fails, and takes effect with the one that succeeds', async () => {
    const { told } = await start({
      handler: ({ orderId }, context) => {
        count(context, orderId);
        if (context.getDeliveryCount() === 1) throw new Error('fails after it collected');
      },
    });
    await addOrders(redis, stream, ['1']);
    await eventually(() => told['retry-scheduled'][0]);
    await nothingPending();
    expect(await effects()).toEqual(once(['1']));
  });

  async function loseTo(owner: string): Promise<{ id: string; told: Told }> {
    let finish = (): void => undefined;
    const { told } = await start({
      handler: ({ orderId }, context) => {
        count(context, orderId);
        return new Promise<void>((resolve) => (finish = resolve));
      },
      options: { ackWaitMs: 60_000, recoveryIntervalMs: 60_000 },
    });
    const [id = ''] = await addOrders(redis, stream, ['1']);
    await eventually(() => told.received[0]);
    await redis.xclaim(stream, GROUP, owner, 0, id);
    finish();
    return { id, told };
  }

  it('takes effect, although the entry was given to another process, when no later run has ended', async () => {
    const { id, told } = await loseTo('thief');
    expect(await eventually(() => told.processed[0])).toMatchObject({ entryId: id });
    expect(await effects()).toEqual(once(['1']));
    expect([told['commit-refused'], told.failed]).toEqual([[], []]);
    await nothingPending();
  });

  it('is dropped when a later run has ended, which is said', async () => {
    const { id, told } = await loseTo('@retry');
    expect(await eventually(() => told['commit-refused'][0])).toMatchObject({
      entryId: id,
      settlement: 'gone',
    });
    expect(await effects()).toEqual({});
    expect([told.processed, told.failed]).toEqual([[], []]);
    await redis.xack(stream, GROUP, id);
  });

  it('takes effect once when the process that began it dies', async () => {
    const { told, server } = await start({
      handler: ({ orderId }, context) => {
        count(context, orderId);
        return new Promise<void>(() => undefined);
      },
      options: { shutdownGraceMs: 0 },
    });
    await addOrders(redis, stream, ['1']);
    await eventually(() => told.received[0]);
    await server.close();
    await start({ handler: ({ orderId }, context) => count(context, orderId) });
    await eventuallyPasses(async () => expect(await effects()).toEqual(once(['1'])));
    await nothingPending();
  });

  it('that cannot be written fails the delivery, and its dead letter names command and key', async () => {
    await redis.set(key('text'), 'text');
    const good = numbered(20);
    await addOrders(redis, stream, ['bad', ...good]);
    const { told } = await start({
      handler: ({ orderId }, context) => {
        count(context, orderId);
        if (orderId === 'bad') context.commit((tx) => tx.hset(key('text'), { a: 1 }));
      },
    });
    const letter = await eventually(() => told['dead-lettered'][0]);
    expect(letter).toMatchObject({ reason: 'retries-exhausted', deliveryCount: 3 });
    expect(await deadLetters(redis, stream)).toMatchObject([
      {
        fields: {
          orderId: 'bad',
          'dlt-exception-name': 'CommitRefusedError',
          'dlt-exception-message': expect.stringContaining(`hset needs a hash at "${key('text')}"`) as string,
        },
      },
    ]);
    await nothingPending();
    expect(await effects()).toEqual(once(good));
  });

  it('for an entry that was deleted is not written, and the entry is dead-lettered as it is held', async () => {
    let finish = (): void => undefined;
    const { told } = await start({
      handler: ({ orderId }, context) => {
        count(context, orderId);
        return new Promise<void>((resolve) => (finish = resolve));
      },
    });
    const [id = ''] = await addOrders(redis, stream, ['held']);
    await eventually(() => told.received[0]);
    await redis.xdel(stream, id);
    finish();
    await eventually(() => told['dead-lettered'][0]);
    expect(told['commit-refused']).toMatchObject([{ entryId: id, settlement: 'vanished' }]);
    expect(told.vanished).toMatchObject([{ entryIds: [id] }]);
    expect(await deadLetters(redis, stream)).toMatchObject([
      { fields: { orderId: 'held', 'dlt-reason': 'vanished' } },
    ]);
    expect(await effects()).toEqual({});
    await nothingPending();
  });

  it('takes effect once although the answer is lost, and is not taken for refused', async () => {
    const proxy = await startProxy('127.0.0.1', Number(new URL(sharedRedisUrl()).port));
    try {
      const { told } = await start({
        url: `redis://127.0.0.1:${proxy.port}`,
        handler: ({ orderId }, context) => count(context, orderId),
        options: { ackWaitMs: 30_000 },
      });
      await addOrders(redis, stream, ['first']);
      await nothingPending();
      proxy.loseAnswerTo('_commit');
      await addOrders(redis, stream, ['second']);
      await eventuallyPasses(() => expect(told.processed).toHaveLength(2));
      expect(await effects()).toEqual(once(['first', 'second']));
      expect(told['commit-refused']).toEqual([]);
      await Promise.all(started.splice(0).map((running) => running.close()));
    } finally {
      await proxy.stop();
    }
  });

  it('waits for a Redis that is out of memory, and its handler does not run again', async () => {
    const own = await startRedis();
    const direct = openRedis(own.url);
    let isFull = (): void => undefined;
    const full = new Promise<void>((resolve) => (isFull = resolve));
    try {
      const running = await startServer({
        url: own.url,
        handler: async ({ orderId }, context) => {
          if (orderId === '10') await full;
          context.commit((tx) => tx.incrby(`{${stream}}:n`, Number(orderId)));
        },
      });
      await addOrders(direct, running.stream, ['1']);
      await eventuallyPasses(() => expect(running.told.processed).toHaveLength(1));
      await addOrders(direct, running.stream, ['10']);
      await eventually(() => running.told.received[1]);
      await direct.config('SET', 'maxmemory', '1');
      isFull();
      await eventually(async () => (await direct.info('errorstats')).includes('errorstat_OOM') || undefined);
      expect((await pendingRows(direct, running.stream))[0]?.count).toBe(1);
      await direct.config('SET', 'maxmemory', '0');
      await eventuallyPasses(() => expect(running.told.processed).toHaveLength(2));
      expect(await direct.get(`{${stream}}:n`)).toBe('11');
      expect(running.told.received).toHaveLength(2);
      await running.close();
    } finally {
      direct.disconnect();
      await own.stop();
    }
  });

  it('is collected no more when the handler has ended or its time is up', async () => {
    const thrown: unknown[] = [];
    let late: RedisStreamsContext | undefined;
    const tryToCommit = (context: RedisStreamsContext | undefined): void => {
      try {
        context?.commit((tx) => tx.set(key('late'), 'x'));
      } catch (error) {
        thrown.push(error);
      }
    };
    const { told } = await start({
      handler: ({ orderId }, context) => {
        if (orderId === 'ends') return void (late = context);
        context.getSignal().addEventListener('abort', () => tryToCommit(context));
        return new Promise(() => undefined);
      },
      options: { retry: { handlerTimeoutMs: 100, maxRetries: 0 } },
    });
    await addOrders(redis, stream, ['ends', 'hangs']);
    await eventually(() => told.processed[0]);
    tryToCommit(late);
    await eventually(() => told['dead-lettered'][0]);
    await eventuallyPasses(() => expect(thrown).toHaveLength(2));
    expect(thrown.every((error) => error instanceof DeliveryOverError)).toBe(true);
    expect(await redis.exists(key('late'))).toBe(0);
  });

  it('comes from a Nest handler, and goes to the stream that a pattern stands for', async () => {
    @Controller()
    class Orders {
      @EventPattern<string>('orders')
      handle(@Payload() { orderId }: { orderId: string }, @Ctx() context: RedisStreamsContext): void {
        context.commit((tx) => tx.hset(key(orderId), { state: 'processed' }).emit('payments', { orderId }));
      }
    }
    const app = await startTransportApp({ controllers: [Orders] });
    try {
      await firstValueFrom(app.client.emit('orders', { orderId: '42' }));
      await eventually(() => app.processed[0]);
      expect(await app.pending()).toEqual([]);
      expect(await app.redis.hgetall(key('42'))).toEqual({ state: 'processed' });
      expect(await app.redis.xrange(app.payments, '-', '+')).toMatchObject([
        [expect.any(String), ['data', '{"orderId":"42"}', 'retry', '0']],
      ]);
    } finally {
      await app.close();
    }
  });
});
