import { eventuallyPasses } from '../../support/eventually-passes.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { recordingController } from '../../support/recording-controller.js';
import { startRedis } from '../../support/redis.js';
import { startTransportApp } from '../../support/transport-app.js';

const SAFE = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];

async function expectWarnings(args: readonly string[], expected: readonly string[]): Promise<void> {
  const redis = await startRedis({ kind: 'process', args });
  const logger = new RecordedLog();
  const { controllers } = recordingController();
  const running = await startTransportApp({ url: redis.url, controllers, logger });
  try {
    // Redis answers in turn: behind two health checks both questions of the start are answered.
    await running.server.checkHealth();
    await running.server.checkHealth();
    await eventuallyPasses(() => {
      expect(logger.troubles('Redis ')).toEqual(
        expected.map((text) => expect.stringContaining(text) as unknown),
      );
    });
  } finally {
    await running.close();
    await redis.stop();
  }
}

it('warns at the start of a Redis that may lose entries, and of no other', async () => {
  await expectWarnings(SAFE, []);
  await expectWarnings(
    ['--maxmemory-policy', 'allkeys-lru'],
    ['appendonly yes', 'maxmemory-policy allkeys-lru'],
  );
});
