import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { firstValueFrom } from 'rxjs';
import { RedisStreamsModule, RedisStreamsServer } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { recordingController, type Received } from '../../support/recording-controller.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { APP_KINDS, startTransportApp, type TransportApp } from '../../support/transport-app.js';
import { NestFactory } from '@nestjs/core';
import { uniqueName } from '../../support/unique-name.js';
import { openRedis } from '../../support/open-redis.js';

/** Stands for a database that handlers need. */
@Injectable()
class Database implements OnModuleDestroy {
  open = true;

  async onModuleDestroy(): Promise<void> {
    this.open = false;
    await Promise.resolve();
  }
}

@Module({ providers: [Database], exports: [Database] })
class DatabaseModule {}

const emit = (app: TransportApp, payload = {}) => firstValueFrom(app.client.emit<string>('orders', payload));

/** A handler that waits until it is told to go on. */
function heldHandler(after: (one: Received) => unknown = () => undefined) {
  const ends: (() => void)[] = [];
  const { controllers, received } = recordingController(async (one) => {
    await new Promise<void>((resolve) => ends.push(resolve));
    after(one);
  });
  return { controllers, received, ends };
}

describe.each(APP_KINDS)('closing a %s app', (kind) => {
  it('waits for handlers, and what they need is still there', async () => {
    const seen: boolean[] = [];
    const databases: Database[] = [];
    const { controllers, ends } = heldHandler(() => seen.push(...databases.map(({ open }) => open)));
    const running = await startTransportApp({ kind, controllers, imports: [DatabaseModule] });
    const database = running.app.get(Database, { strict: false });
    databases.push(database);
    const id = await emit(running);
    await eventuallyPasses(() => expect(ends).toHaveLength(1));

    const state = { closed: false };
    const closing = running.app.close().then(() => (state.closed = true));
    await eventuallyPasses(async () =>
      expect((await running.server.checkHealth()).causes[0]?.code).toBe('not-listening'),
    );
    expect([state.closed, database.open]).toEqual([false, true]);
    ends[0]?.();
    await closing;

    expect(seen).toEqual([true]);
    expect(database.open).toBe(false);
    expect(await running.pending()).not.toContain(id);
    await running.close();
  });
});

it('close resolves once, however often it is called, and reads nothing more', async () => {
  const { controllers, received } = recordingController();
  const running = await startTransportApp({ controllers });
  await Promise.all([running.server.close(), running.server.close()]);
  await emit(running);
  expect(await running.pending()).toEqual([]);
  expect(received).toEqual([]);
  await running.close();
});

it('gives up after the grace period: the signal aborts, and the entry stays pending', async () => {
  const { controllers, received, ends } = heldHandler();
  const running = await startTransportApp({ controllers, server: { shutdownGraceMs: 300 } });
  const id = await emit(running);
  await eventuallyPasses(() => expect(ends).toHaveLength(1));
  const signal = received[0]?.context.getSignal();
  expect(signal?.aborted).toBe(false);

  const began = performance.now();
  await running.server.close();
  expect(performance.now() - began).toBeLessThan(1_500);
  expect(signal?.aborted).toBe(true);
  ends[0]?.();
  await eventually(() => running.processed.find(({ entryId }) => entryId === id));
  expect(await running.pending()).toContain(id);
  await running.close();
});

it.each([0, 100])('runs no handler after a grace period of %d ms is over', async (shutdownGraceMs) => {
  const { controllers, received, ends } = heldHandler();
  const running = await startTransportApp({ controllers, server: { shutdownGraceMs } });
  await emit(running);
  await eventuallyPasses(() => expect(ends).toHaveLength(1));
  const { consumer } = { consumer: received[0]?.context.getConsumer() ?? '' };

  await running.server.close();
  const late = await emit(running);
  ends[0]?.();
  await eventuallyPasses(async () =>
    expect(String(await running.redis.client('LIST'))).not.toContain(consumer),
  );
  expect(received.map(({ context }) => context.getEntryId())).not.toContain(late);
  await running.close();
});

it('acknowledges everything that was handled under load, and loses nothing', async () => {
  const { controllers, received } = recordingController(
    () => new Promise((resolve) => setTimeout(resolve, 1)),
  );
  const running = await startTransportApp({ controllers, server: { maxInFlight: 20 } });
  const ids = await Promise.all(Array.from({ length: 2_000 }, () => emit(running)));
  await eventuallyPasses(() => expect(received.length).toBeGreaterThan(50), { intervalMs: 1 });
  await running.app.close();

  const handled = new Set(running.processed.map(({ entryId }) => entryId));
  const pending = new Set(await running.pending());
  const [group] = (await running.redis.xinfo('GROUPS', running.stream)) as [unknown[]];
  const last = String(group[group.indexOf('last-delivered-id') + 1]);
  const read = ids.filter((id) => Number(id.split('-')[0]) < Number(last.split('-')[0]));
  expect(read.filter((id) => !handled.has(id) && !pending.has(id))).toEqual([]);
  expect([...pending].filter((id) => handled.has(id))).toEqual([]);
  await running.close();
});

it('forRootAsync takes its options from other providers', async () => {
  const stream = uniqueName('orders');
  @Module({ providers: [{ provide: 'URL', useFactory: sharedRedisUrl }], exports: ['URL'] })
  class ConfigModule {}
  const { controllers, received } = recordingController();
  @Module({
    controllers,
    imports: [
      RedisStreamsModule.forRootAsync({
        imports: [ConfigModule],
        inject: ['URL'],
        useFactory: (url: string) =>
          Promise.resolve({ connection: { url }, group: 'g', streams: { orders: stream } }),
      }),
    ],
  })
  class Root {}
  const app = await NestFactory.createMicroservice(Root, {
    ...{ logger: false, abortOnError: false },
    inject: [RedisStreamsServer],
    useFactory: (strategy: RedisStreamsServer) => ({ strategy }),
  });
  await app.listen();
  const redis = openRedis(sharedRedisUrl());
  await redis.xadd(stream, '*', 'a', '1');
  await eventuallyPasses(() => expect(received).toHaveLength(1));
  redis.disconnect();
  await app.close();
});
