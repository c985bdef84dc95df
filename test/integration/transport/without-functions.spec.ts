import { firstValueFrom } from 'rxjs';
import { FunctionsMissingError, RedisStreamsRecordBuilder } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { recordingController } from '../../support/recording-controller.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startTransportApp } from '../../support/transport-app.js';

describe('A Redis without Functions', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    const args = ['FUNCTION', 'FCALL'].flatMap((name) => ['--rename-command', name, '']);
    redis = await startRedis({ kind: 'process', args });
  });
  afterAll(() => redis.stop());

  it('is named as what it is, in one line, in health and to who emits; no payload is shown', async () => {
    const logger = new RecordedLog();
    const running = await startTransportApp({ ...recordingController(), url: redis.url, logger });
    const { causes } = await running.server.checkHealth();
    expect(causes).toMatchObject([
      { code: 'functions-missing', message: expect.stringContaining('Redis 7.0 or later') as string },
    ]);
    expect(
      logger.lines.filter(({ text }) => text.startsWith('Not ready: This Redis has no Functions')),
    ).toHaveLength(1);

    const order = new RedisStreamsRecordBuilder({ card: 'SECRET' }).setIdempotencyKey('k').build();
    const refusal: unknown = await firstValueFrom(running.client.emit('orders', order)).catch(
      (e: unknown) => e,
    );
    expect(refusal).toBeInstanceOf(FunctionsMissingError);
    await eventually(async () => ((await running.server.checkHealth()).ready ? undefined : true));
    await running.close();
    expect(JSON.stringify(logger.lines)).not.toMatch(/SECRET|args beginning with/);
    // The line, and when it is closed how often it came.
    expect(logger.troubles('Not ready:').length).toBeLessThanOrEqual(2);
  });
});
