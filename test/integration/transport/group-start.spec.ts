import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { openRedis } from '../../support/open-redis.js';
import { recordingController } from '../../support/recording-controller.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startTransportApp } from '../../support/transport-app.js';
import { uniqueName } from '../../support/unique-name.js';

it('entries sent before the first start are delivered, in their order', async () => {
  const stream = uniqueName('orders');
  const redis = openRedis(sharedRedisUrl());
  for (let n = 0; n < 10; n += 1) await redis.xadd(stream, '*', 'n', n);
  redis.disconnect();
  const { controllers, received } = recordingController();
  const running = await startTransportApp({ controllers, server: { streams: { orders: stream } } });

  await eventuallyPasses(() => expect(received).toHaveLength(10));
  expect(received.map(({ payload }) => (payload as { n: string }).n)).toEqual(
    Array.from({ length: 10 }, (_, n) => String(n)),
  );
  await running.close();
});

it('the group and its stream exist once the app has started', async () => {
  const running = await startTransportApp({ controllers: recordingController().controllers });
  expect(await running.redis.xinfo('GROUPS', running.stream)).toHaveLength(1);
  await running.close();
});

it('ten apps that start together share the work, each entry going to one of them', async () => {
  const stream = uniqueName('orders');
  const logger = new RecordedLog();
  const apps = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const { controllers, received } = recordingController();
      const server = { streams: { orders: stream }, consumerName: 'same-host' };
      return { running: await startTransportApp({ controllers, server, logger }), received };
    }),
  );
  const redis = openRedis(sharedRedisUrl());
  const ids = await Promise.all(Array.from({ length: 200 }, () => redis.xadd(stream, '*', 'a', '1')));
  redis.disconnect();
  const all = () => apps.flatMap(({ received }) => received.map(({ context }) => context.getEntryId()));

  await eventually(() => (all().length >= ids.length ? true : undefined));
  expect(all().sort()).toEqual([...ids].sort());
  const consumers = apps.flatMap(({ received }) => received.map(({ context }) => context.getConsumer()));
  expect(new Set(consumers).size).toBeGreaterThan(1);
  await Promise.all(apps.map(({ running }) => running.close()));
  // The Redis of the tests keeps nothing on purpose.
  expect(logger.troubles().filter((line) => !line.includes('append-only'))).toEqual([]);
});

it('another group gets every entry too', async () => {
  const stream = uniqueName('orders');
  const start = async (group: string) => {
    const { controllers, received } = recordingController();
    return {
      running: await startTransportApp({ controllers, server: { group, streams: { orders: stream } } }),
      received,
    };
  };
  const apps = [await start('billing'), await start('shipping')];
  const redis = openRedis(sharedRedisUrl());
  await redis.xadd(stream, '*', 'a', '1');
  redis.disconnect();

  for (const { received } of apps) await eventuallyPasses(() => expect(received).toHaveLength(1));
  await Promise.all(apps.map(({ running }) => running.close()));
});
