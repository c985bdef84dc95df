import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { Controller, Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Payload } from '@nestjs/microservices';
import { RedisStreamsModule, RedisStreamsServer } from '../../../src/transport/index.js';

/** An app for `sigterm.spec.ts`; tells on its standard output what it does, in lines of words. */
const { APP_KIND = '', REDIS_URL = '', STREAM = '', SHUTDOWN_GRACE_MS = '' } = process.env;

const tell = (...words: unknown[]): void => void process.stdout.write(`${words.join(' ')}\n`);

@Injectable()
class Database implements OnModuleDestroy {
  static open = true;

  onModuleDestroy(): void {
    Database.open = false;
    tell('database', 'closed');
  }
}

@Module({ providers: [Database] })
class DatabaseModule {}

@Controller()
class OrdersController {
  @EventPattern<string>('orders')
  async handle(@Payload() { ms }: { ms: string }): Promise<void> {
    tell('started');
    await delay(Number(ms));
    tell('finished', Database.open ? 'with-database' : 'without-database');
  }
}

@Module({
  controllers: [OrdersController],
  imports: [
    DatabaseModule,
    RedisStreamsModule.forRoot({
      connection: { url: REDIS_URL },
      group: 'test-group',
      streams: { orders: STREAM },
      shutdownGraceMs: Number(SHUTDOWN_GRACE_MS),
    }),
  ],
})
class Root {}

if (APP_KIND === 'plain') {
  const app = await NestFactory.createMicroservice(Root, {
    logger: false,
    inject: [RedisStreamsServer],
    useFactory: (strategy: RedisStreamsServer) => ({ strategy }),
  });
  app.enableShutdownHooks();
  await app.listen();
} else {
  const app = await NestFactory.create(Root, { logger: false });
  app.connectMicroservice({ strategy: app.get(RedisStreamsServer) });
  app.enableShutdownHooks();
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
}
tell('ready');
