import { Controller, Get } from '@nestjs/common';
import { HealthCheckService, TerminusModule, type HealthCheckResult } from '@nestjs/terminus';
import { RedisStreamsHealthIndicator } from '../../../src/transport/terminus/index.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { get } from '../../support/http.js';
import { recordingController } from '../../support/recording-controller.js';
import { startTransportApp } from '../../support/transport-app.js';

@Controller('status')
class StatusController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly redisStreams: RedisStreamsHealthIndicator,
  ) {}

  @Get()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.redisStreams.isHealthy('redis-streams')]);
  }
}

it("stands in another app's own health page, with every cause", async () => {
  const { controllers } = recordingController();
  const running = await startTransportApp({
    kind: 'hybrid',
    controllers: [...controllers, StatusController],
    providers: [RedisStreamsHealthIndicator],
    imports: [TerminusModule.forRoot({ logger: false })],
  });
  const status = async () => {
    if (!('getUrl' in running.app)) throw new Error('The app has no HTTP');
    return get<HealthCheckResult>(`${await running.app.getUrl()}/status`);
  };
  try {
    await eventuallyPasses(async () => {
      const { status: code, body } = await status();
      expect(code).toBe(200);
      expect(body.details).toEqual({ 'redis-streams': { status: 'up' } });
    });
    await running.redis.set(running.stream, 'x');
    await eventuallyPasses(async () => {
      const { status: code, body } = await status();
      expect(code).toBe(503);
      expect(body.error?.['redis-streams']).toMatchObject({
        status: 'down',
        causes: expect.arrayContaining([
          expect.objectContaining({ code: 'wrong-type', stream: running.stream }),
        ]) as unknown,
      });
    });
  } finally {
    await running.redis.del(running.stream);
    await running.close();
  }
});
