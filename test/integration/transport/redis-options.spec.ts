import { setTimeout as delay } from 'node:timers/promises';
import type { RedisOptions } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { recordingController } from '../../support/recording-controller.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startTransportApp } from '../../support/transport-app.js';

/** Options of ioredis that would lose entries, or stop the transport, if they were passed on as they are. */
const HARMFUL: [string, RedisOptions][] = [
  ['commandTimeout below the block time', { commandTimeout: 300 }],
  ['blockingTimeout below the block time', { blockingTimeout: 300 }],
  ['socketTimeout below the block time', { socketTimeout: 300 }],
  ['autoResendUnfulfilledCommands off', { autoResendUnfulfilledCommands: false }],
  ['enableOfflineQueue off', { enableOfflineQueue: false }],
  ['no retryStrategy', { retryStrategy: () => null }],
  ['lazyConnect', { lazyConnect: true }],
];

it.concurrent.each(HARMFUL)(
  '%s does no harm to an idle reader and a broken link',
  async (_, redis) => {
    const { controllers } = recordingController();
    const running = await startTransportApp({
      controllers,
      server: { connection: { url: sharedRedisUrl(), redis } },
    });
    const processOne = async () => {
      const id = await firstValueFrom(running.client.emit<string>('orders', {}));
      await eventually(() => running.processed.find(({ entryId }) => entryId === id));
      await eventuallyPasses(async () => expect(await running.pending()).toEqual([]));
    };
    try {
      await processOne();
      // Longer than these timeouts, within one blocking read.
      await delay(700);
      await processOne();
      const ids = String(await running.redis.client('LIST')).matchAll(
        new RegExp(`id=(\\d+) .*name=${running.processed[0]?.consumer ?? ''}:`, 'g'),
      );
      for (const [, id = ''] of ids) await running.redis.client('KILL', 'ID', id);
      await processOne();
    } finally {
      await running.close();
    }
  },
  60_000,
);
