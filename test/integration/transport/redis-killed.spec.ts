import { firstValueFrom } from 'rxjs';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { recordingController } from '../../support/recording-controller.js';
import { startRedis } from '../../support/redis.js';
import { startTransportApp } from '../../support/transport-app.js';

it('kill -9 of Redis loses nothing that was emitted, and consuming goes on by itself', async () => {
  const redis = await startRedis({ kind: 'process', aof: true, args: ['--appendfsync', 'always'] });
  const { controllers, received } = recordingController(
    () => new Promise((resolve) => setTimeout(resolve, 2)),
  );
  const running = await startTransportApp({ url: redis.url, controllers });
  const emitted: string[] = [];
  const emitSome = async (count: number) => {
    const emits = Array.from({ length: count }, () =>
      firstValueFrom(running.client.emit<string>('orders', {})),
    );
    for (const result of await Promise.allSettled(emits)) {
      if (result.status === 'fulfilled') emitted.push(result.value);
    }
  };

  await emitSome(300);
  const under = emitSome(300);
  await redis.kill();
  await under;
  await redis.restart();
  await eventuallyPasses(() => emitSome(1));
  await eventuallyPasses(() => emitSome(100));

  const last = await eventually(async () => firstValueFrom(running.client.emit<string>('orders', {})));
  await eventually(() => running.processed.find(({ entryId }) => entryId === last));
  await eventuallyPasses(async () => {
    const seen = new Set(received.map(({ context }) => context.getEntryId()));
    const pending = new Set(await running.pending());
    expect(emitted.filter((id) => !seen.has(id) && !pending.has(id))).toEqual([]);
    // What was handled before Redis died is acknowledged in the end.
    const handled = new Set(running.processed.map(({ entryId }) => entryId));
    expect([...pending].filter((id) => handled.has(id))).toEqual([]);
  });
  expect(emitted.length).toBeGreaterThanOrEqual(400);
  await running.close();
  await redis.stop();
});
