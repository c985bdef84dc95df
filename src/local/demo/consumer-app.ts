import { NestFactory } from '@nestjs/core';
import type { AsyncMicroserviceOptions } from '@nestjs/microservices';
import { RedisStreamsServer } from '../../transport/index.js';
import { DeadLettersModule } from './dead-letters.module.js';
import type { AppSettings } from './flow.js';
import { Journal } from './journal.js';
import { OrdersModule } from './orders.module.js';

// A process of its own: a Nest microservice as a user of the package writes it.
const settings = JSON.parse(process.argv[2] ?? '{}') as AppSettings;
const root =
  settings.role === 'orders' ? OrdersModule.forRoot(settings) : DeadLettersModule.forRoot(settings);
const app = await NestFactory.createMicroservice<AsyncMicroserviceOptions>(root, {
  logger: ['error', 'warn'],
  inject: [RedisStreamsServer],
  useFactory: (strategy: RedisStreamsServer) => ({ strategy }),
});
app.enableShutdownHooks();
process.once('disconnect', () => process.exit());
const journal = app.get(Journal);
if (settings.role === 'orders') journal.observe(app.get(RedisStreamsServer));
await app.listen();
journal.tellReady();
