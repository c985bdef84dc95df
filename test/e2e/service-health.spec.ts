import { Controller, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { StreamsModule } from '../../src/operations/streams/streams.module.js';
import { HealthModule } from '../../src/operations/health/health.module.js';
import { StoreCheck } from '../../src/operations/health/store-check.js';
import { RedisStreamsModule, RedisStreamsServer } from '../../src/transport/index.js';
import { eventually } from '../support/eventually.js';
import { get } from '../support/http.js';
import { openRedis } from '../support/open-redis.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

interface Health {
  status: string;
  checks: Record<string, { status: string; causes?: { code: string }[] }>;
}

const ORDERS = 'orders';
const ends: (() => void)[] = [];

@Controller()
class EndlessHandler {
  @EventPattern<typeof ORDERS>(ORDERS)
  handle(): Promise<void> {
    return new Promise((resolve) => ends.push(resolve));
  }
}

@Module({})
class EndlessModule {}

@Module({
  providers: [{ provide: StoreCheck, useValue: { check: () => Promise.resolve(undefined) } }],
  exports: [StoreCheck],
})
class StoreModule {}

describe('GET /health/live', () => {
  it('is 503 while more handlers ignore their timeout than may run at once, and 200 again after', async () => {
    const stream = uniqueName('orders');
    const transport = RedisStreamsModule.forRoot({
      connection: { url: sharedRedisUrl() },
      group: 'g',
      streams: { [ORDERS]: stream },
      maxInFlight: 1,
      recoveryIntervalMs: 20,
      retry: { handlerTimeoutMs: 30, backoff: { type: 'fixed', delayMs: 0 } },
    });
    const looks = StreamsModule.forRoot({ group: 'g', outputs: [] }, transport);
    const thresholds = { lag: 1000, oldestPendingMs: 300_000, deadLetters: 1 };
    Logger.overrideLogger(false);
    const app = await NestFactory.create<NestExpressApplication>({
      module: EndlessModule,
      controllers: [EndlessHandler],
      imports: [
        looks,
        HealthModule.forRoot(thresholds, transport, looks, { module: StoreModule }),
        transport,
      ],
    });
    const redis = openRedis(sharedRedisUrl());
    try {
      app.connectMicroservice({ strategy: app.get(RedisStreamsServer) });
      await app.startAllMicroservices();
      await app.listen(0, '127.0.0.1');
      const live = async () => get<Health>(`${await app.getUrl()}/health/live`);
      expect(await live()).toMatchObject({ status: 200, body: { status: 'ok' } });

      await redis.xadd(stream, '*', 'orderId', '42', 'retry', '0');
      const { body } = await eventually(async () => {
        const answer = await live();
        return answer.status === 503 ? answer : undefined;
      });
      expect(body).toMatchObject({
        status: 'error',
        checks: { process: { status: 'down', causes: [{ code: 'handlers-overdue' }] } },
      });

      for (const end of ends) end();
      await eventually(async () => ((await live()).status === 200 ? true : undefined));
    } finally {
      for (const end of ends) end();
      await app.close();
      redis.disconnect();
    }
  });
});
